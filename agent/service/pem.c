/* Files in PEM form: why one cannot be read. */
#include "service/pem.h"

#include <openssl/err.h>
#include <string.h>

const char *
pem_reason(void)
{
	unsigned long first = ERR_peek_error();
	const char *text = ERR_GET_LIB(first) == ERR_LIB_SYS
				   ? strerror(ERR_GET_REASON(first))
				   : ERR_reason_error_string(ERR_peek_last_error());

	return text ? text : "it cannot be read";
}
