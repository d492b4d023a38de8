/* What every cmocka test needs included, in the order that cmocka wants. */
#ifndef SLABREC_TESTS_CMOCKA_UNIT_H
#define SLABREC_TESTS_CMOCKA_UNIT_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#endif
