"""Decides whether an expression of logarithms and fractions is zero for all values of its symbols.

The expressions of this package are sums of rational functions of symbols and of such functions times logarithms of
others. Each logarithm is split: its argument is factored over the rationals, and log(f^2 g / h) becomes
2 L_f + L_g - L_h, with a new symbol L_f for log|f|, f irreducible (or a prime number). What is left is a rational
function of the old and the new symbols, and SymPy multiplies its numerator out.

Why "zero" is a proof. The new symbols forget that L_f is a logarithm. An identity that holds for *any* numbers L_f
holds for log|f|, too. Nothing is rounded, no value is put in.

Why "not zero" can be trusted, too. The logarithms of different irreducible polynomials and primes are linearly
independent over the rational functions, and the expressions are linear in the logarithms. So nothing that would have
helped was forgotten.
"""

from functools import cache

from sympy import Expr, Integer, Rational, Symbol, expand, factor_list, factorint, fraction, log, sympify, together

__all__ = ["is_zero", "value"]


def is_zero(expression: Expr) -> bool:
    """Whether it is zero for all positive values of its symbols for which its logarithms exist.

    >>> a, b = Symbol("a"), Symbol("b")
    >>> is_zero(log(a**2 - b**2) - log(a - b) - log(a + b)), is_zero(log(a + b) - log(a) - log(b))
    (True, False)
    """
    expression = _without_logs(expression)
    # A function of s is zero if it is zero at s = 0 and its derivative is zero. The logarithms and the directions of a
    # slope enter linearly; without them the pieces are short enough to be multiplied out.
    for symbol in sorted(expression.free_symbols, key=str):
        if not symbol.is_positive:
            if not _is_zero_fraction(expression.diff(symbol)):
                return False
            expression = expression.xreplace({symbol: Integer(0)})
    return _is_zero_fraction(expression)


def _is_zero_fraction(expression: Expr) -> bool:
    numerator, _ = fraction(together(expression))
    return expand(numerator) == 0


def value(expression: Expr, digits: int = 40):
    """Its value where the symbols are different numbers between 0.04 and 0.3.

    So the last of four probabilities, one minus three symbols, is positive, too.
    """
    expression = sympify(expression)
    names = sorted(expression.free_symbols, key=str)
    point = {name: Rational(7 + 37 * i % 41, 160) for i, name in enumerate(names)}
    return expression.xreplace(point).evalf(digits)


def _without_logs(expression: Expr) -> Expr:
    expression = sympify(expression)
    return expression.xreplace({each: _split(each.args[0]) for each in expression.atoms(log)})


@cache
def _split(argument: Expr) -> Expr:
    """log(argument) as a sum of the symbols of its factors."""
    numerator, denominator = fraction(together(argument))
    return _log_of_polynomial(numerator) - _log_of_polynomial(denominator)


def _log_of_polynomial(polynomial: Expr) -> Expr:
    polynomial = expand(polynomial)
    number, factors = (polynomial, []) if polynomial.is_Number else factor_list(polynomial)
    total = Integer(0)
    for prime, power in factorint(abs(number)).items():
        total += power * Symbol(f"log({prime})")
    for factor, power in factors:
        total += power * Symbol(f"log({factor})")
    return total
