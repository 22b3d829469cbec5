# A first Makefile, to be replaced: builds build/reflejo and the unit tests.
CFLAGS ?= -O2 -g
