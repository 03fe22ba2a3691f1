/*-------------------------------------------------------------------------
 *
 * decimal.h
 *	  Short decimal numbers, read from JSON text without loss.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_DECODE_DECIMAL_H
#define SA_DECODE_DECIMAL_H

/* mantissa * 10 ^ exponent */
typedef struct SaDecimal
{
	int64		mantissa;
	int			exponent;
	bool		negative;		/* also tells -0 from 0 */
	bool		exact;			/* no digits had to be left out */
	bool		integer;		/* written with digits only */
} SaDecimal;

/* "text" must be a number by the grammar of JSON. */
extern void sa_decimal_parse(const char *text, size_t len, SaDecimal *number);

/*
 * *result = number * 10 ^ power, rounded to the nearest integer, halves away
 * from zero.  Returns false if that doesn't fit.
 */
extern bool sa_decimal_scale(const SaDecimal *number, int power, int64 *result);

#endif							/* SA_DECODE_DECIMAL_H */
