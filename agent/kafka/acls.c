/* Access rules of a cluster's topics. */
#include "kafka/acls.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/admin_state.h"

void
acls_add(struct acls *acls, const struct acl *acl)
{
	acls->items = mem_resize(acls->items, acls->count + 1, sizeof(*acls->items));
	acls->items[acls->count++] = (struct acl){.topic = mem_strdup(acl->topic),
		.principal = mem_strdup(acl->principal),
		.host = mem_strdup(acl->host),
		.operation = acl->operation,
		.is_allow = acl->is_allow};
}

bool
acls_has(const struct acls *acls, const struct acl *acl)
{
	for (size_t i = 0; i < acls->count; i++) {
		const struct acl *a = &acls->items[i];

		if (!strcmp(a->topic, acl->topic) && !strcmp(a->principal, acl->principal) &&
			!strcmp(a->host, acl->host) && a->operation == acl->operation &&
			a->is_allow == acl->is_allow)
			return true;
	}
	return false;
}

const char *
acl_operation_name(enum acl_operation operation)
{
	return rd_kafka_AclOperation_name((rd_kafka_AclOperation_t)operation);
}

void
acls_fini(struct acls *acls)
{
	for (size_t i = 0; i < acls->count; i++) {
		free(acls->items[i].topic);
		free(acls->items[i].principal);
		free(acls->items[i].host);
	}
	free(acls->items);
	*acls = (struct acls){0};
}

static void
take_rules(rd_kafka_event_t *event, struct acls *ret)
{
	size_t count = 0;
	const rd_kafka_AclBinding_t **rules = rd_kafka_DescribeAcls_result_acls(
		rd_kafka_event_DescribeAcls_result(event), &count);

	for (size_t i = 0; i < count; i++) {
		const struct acl acl = {
			.topic = (char *)(uintptr_t)rd_kafka_AclBinding_name(rules[i]),
			.principal = (char *)(uintptr_t)rd_kafka_AclBinding_principal(rules[i]),
			.host = (char *)(uintptr_t)rd_kafka_AclBinding_host(rules[i]),
			.operation = (enum acl_operation)rd_kafka_AclBinding_operation(rules[i]),
			.is_allow = rd_kafka_AclBinding_permission_type(rules[i]) ==
				    RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW};

		acls_add(ret, &acl);
	}
}

/* The brokers check no rules, or do not know them. */
static bool
checks_none(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_SECURITY_DISABLED ||
	       code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
}

int
acls_read(struct admin *a, int timeout_ms, struct acls *ret, bool *ret_has_none, struct err *err)
{
	struct admin_call call = admin_call_begin(a, RD_KAFKA_ADMIN_OP_DESCRIBEACLS, timeout_ms);
	char why[200] = "";
	rd_kafka_AclBindingFilter_t *filter = rd_kafka_AclBindingFilter_new(RD_KAFKA_RESOURCE_TOPIC,
		NULL, RD_KAFKA_RESOURCE_PATTERN_LITERAL, NULL, NULL, RD_KAFKA_ACL_OPERATION_ANY,
		RD_KAFKA_ACL_PERMISSION_TYPE_ANY, why, sizeof(why));
	rd_kafka_resp_err_t code;

	*ret_has_none = false;
	if (!filter) {
		admin_call_end(a, &call);
		return err_set(err, "%s", why);
	}
	rd_kafka_DescribeAcls(a->rk, filter, call.options, call.queue);
	code = admin_call_await(a, &call, timeout_ms, err);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
		*ret = (struct acls){0};
		take_rules(call.event, ret);
	}
	*ret_has_none = checks_none(code);
	rd_kafka_AclBinding_destroy(filter);
	admin_call_end(a, &call);
	return code ? -1 : 0;
}

/* What became of each rule; returns the first code that is no success. */
static rd_kafka_resp_err_t
take_results(rd_kafka_event_t *event, struct err *err)
{
	size_t count = 0;
	const rd_kafka_acl_result_t **results =
		rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(event), &count);

	for (size_t i = 0; i < count; i++) {
		const rd_kafka_error_t *error = rd_kafka_acl_result_error(results[i]);

		if (!error)
			continue;
		err_set(err, "%s", rd_kafka_error_string(error));
		return rd_kafka_error_code(error);
	}
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

int
acls_write(struct admin *a, int timeout_ms, const struct acls *acls, bool *ret_has_none,
	struct err *err)
{
	struct admin_call call = admin_call_begin(a, RD_KAFKA_ADMIN_OP_CREATEACLS, timeout_ms);
	rd_kafka_AclBinding_t **rules = mem_zero(acls->count, sizeof(*rules));
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__INVALID_ARG;
	char why[200] = "";
	size_t n = 0;

	for (size_t i = 0; i < acls->count; i++, n++) {
		const struct acl *acl = &acls->items[i];

		rules[n] = rd_kafka_AclBinding_new(RD_KAFKA_RESOURCE_TOPIC, acl->topic,
			RD_KAFKA_RESOURCE_PATTERN_LITERAL, acl->principal, acl->host,
			(rd_kafka_AclOperation_t)acl->operation,
			acl->is_allow ? RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW
				      : RD_KAFKA_ACL_PERMISSION_TYPE_DENY,
			why, sizeof(why));
		if (!rules[n])
			break;
	}
	if (n < acls->count) {
		err_set(err, "%s", why);
	} else {
		rd_kafka_CreateAcls(a->rk, rules, n, call.options, call.queue);
		code = admin_call_await(a, &call, timeout_ms, err);
		if (!code)
			code = take_results(call.event, err);
	}
	*ret_has_none = checks_none(code);
	rd_kafka_AclBinding_destroy_array(rules, n);
	free(rules);
	admin_call_end(a, &call);
	return code ? -1 : 0;
}
