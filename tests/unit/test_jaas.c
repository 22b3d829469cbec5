/* config/jaas: the grammar of login modules. */
#include "config/jaas.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "unit.h"

/* "context:Class(name=value,name=value)" for each module, or the sentence. @gives a string */
static char *
print(const char *input, enum jaas_form form)
{
	struct jaas jaas;
	struct text text = {0};
	struct err err;

	if (jaas_parse(input, form, &jaas, &err))
		return mem_strdup(err.text);
	for (size_t i = 0; i < jaas.count; i++) {
		const struct jaas_module *module = &jaas.modules[i];

		text_printf(&text, "%s%s:%s(", i ? " " : "", module->context, jaas_class(module));
		for (size_t o = 0; o < module->count; o++)
			text_printf(&text, "%s%s=%s", o ? "," : "", module->options[o].name,
				module->options[o].value);
		text_puts(&text, ")");
	}
	jaas_fini(&jaas);
	return text_take(&text);
}

struct text_case {
	const char *input, *expected;
};

static void
check_cases(enum jaas_form form, const struct text_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *found = print(cases[i].input, form);

		CHECK_STR(found, cases[i].expected);
		free(found);
	}
}

#define CHECK_CASES(form, cases) check_cases(form, cases, sizeof(cases) / sizeof(*(cases)))

TEST(lines)
{
	static const struct text_case cases[] = {
		{"a.b.PlainLoginModule required username=\"u\" password=\"p\";",
			":PlainLoginModule(username=u,password=p)"},
		{"PlainLoginModule REQUIRED\n\tusername = 'u'\n\tpassword = p ;",
			":PlainLoginModule(username=u,password=p)"},
		{"M optional;", ":M()"},
		{"M required a=\"x y;z=\\\"q\\\" \\\\ 'k'\";", ":M(a=x y;z=\"q\" \\ 'k')"},
		{"M required a=\"\\101\\t\\x\\477\";", ":M(a=A\tx'7)"},
		{"/* one */ M // two\n required /* three; */ a=b/**/;", ":M(a=b)"},
		{"M required a=/etc/k.keytab b=u@R.COM;", ":M(a=/etc/k.keytab,b=u@R.COM)"},
		{"M required a=b; N required c=d;", ":M(a=b) :N(c=d)"},
		{"M required a=1 a=2;", ":M(a=1,a=2)"},
		{"M required a=\"\";", ":M(a=)"},
		{"", "there is no login module; write CLASS required name=\"value\" ...;"},
		{"M", "behind the class of the login module must stand 'required'"},
		{"M username=u;", "behind the class of the login module must stand 'required'"},
		{"M required a=b", "the options of the login module must end with ;"},
		{"M required a=hidden word;",
			"behind the option 'a' stands something without =; a value with blanks or "
			"signs in it must stand in quotes"},
		{"M required a=hidden=word;",
			"behind the option 'a' stands something that is no option of the form "
			"name=\"value\""},
		{"M required hidden;", "behind the flag of the login module stands something "
				       "without =; options are written name=\"value\""},
		{"M required =;", "behind the flag of the login module stands something that is no "
				  "option of the form name=\"value\""},
		{"M required a=;", "the option 'a' has no value; write name=\"value\""},
		{"M required a=\"hidden;", "a quote is opened and not closed on its line"},
	};

	CHECK_CASES(JAAS_LINE, cases);
}

TEST(files)
{
	static const struct text_case cases[] = {
		{"", ""},
		{"KafkaClient {\n  M required\n  a=\"b\";\n};\n", "KafkaClient:M(a=b)"},
		{"// x\nClient { N required; };\n\nKafkaClient { M required a=b; O optional c=d; "
		 "};",
			"Client:N() KafkaClient:M(a=b) KafkaClient:O(c=d)"},
		{"\"Kafka Client\" { M required; };", "Kafka Client:M()"},
		{"KafkaClient M required;", "1: behind the name of a login must stand {"},
		{"KafkaClient {\n M required;\n}", "3: behind } must stand ;"},
		{"KafkaClient {\n M required;\n", "3: a { is not closed with };"},
		{"KafkaClient {\n M required\n a=x y;\n};",
			"3: behind the option 'a' stands something without =; a value with blanks "
			"or signs in it must stand in quotes"},
		{"M required a=b;", "1: behind the name of a login must stand {"},
	};

	CHECK_CASES(JAAS_FILE, cases);
}

TEST(the_last_of_a_name_counts)
{
	struct jaas jaas;

	CHECK(jaas_parse("M required a=1 a=2;", JAAS_LINE, &jaas, NULL) == 0);
	CHECK_STR(jaas_get(&jaas.modules[0], "a"), "2");
	CHECK(!jaas_get(&jaas.modules[0], "A"));
	jaas_fini(&jaas);
}
