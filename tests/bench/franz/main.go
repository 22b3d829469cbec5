// A hand-written mirror on franz-go: one topic, in a group, with keys, headers and timestamps, committed when acknowledged.
// usage: franz SOURCE TARGET TOPIC GROUP CODEC
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(),
	"lz4":  kgo.Lz4Compression(),
	"zstd": kgo.ZstdCompression(),
}

func die(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "franz: %s: %v\n", what, err)
		os.Exit(1)
	}
}

// copyAll sends what one poll brought, waits until all of it is acknowledged, and marks it for the next commit.
func copyAll(ctx context.Context, consumer, producer *kgo.Client) {
	fetches := consumer.PollRecords(ctx, 10000)
	for _, failure := range fetches.Errors() {
		if ctx.Err() == nil {
			die("fetch", failure.Err)
		}
	}
	fetches.EachRecord(func(r *kgo.Record) {
		// Without the partition, which the key decides at the target.
		copied := &kgo.Record{Topic: r.Topic, Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp}
		producer.Produce(context.Background(), copied, func(_ *kgo.Record, err error) { die("produce", err) })
	})
	die("flush", producer.Flush(context.Background()))
	consumer.MarkCommitRecords(fetches.Records()...)
	consumer.AllowRebalance()
}

func main() {
	if len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: franz SOURCE TARGET TOPIC GROUP CODEC")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	consumer, err := kgo.NewClient(kgo.SeedBrokers(os.Args[1]), kgo.ConsumeTopics(os.Args[3]), kgo.ConsumerGroup(os.Args[4]),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.AutoCommitMarks(), kgo.AutoCommitInterval(5*time.Second),
		kgo.BlockRebalanceOnPoll())
	die("consumer", err)
	producer, err := kgo.NewClient(kgo.SeedBrokers(os.Args[2]), kgo.ProducerBatchCompression(codecs[os.Args[5]]),
		kgo.MaxBufferedRecords(100000))
	die("producer", err)
	for ctx.Err() == nil {
		copyAll(ctx, consumer, producer)
	}
	die("commit", consumer.CommitMarkedOffsets(context.Background()))
	consumer.Close()
	producer.Close()
}
