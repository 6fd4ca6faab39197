#include "frontend/chat/operators.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lorikeet::jinja {
namespace {

Error mismatch(std::string_view op, const Value& a, const Value& b) {
  return fail("'", op, "' does not work on ", type_name(a), " and ", type_name(b), ".");
}

Result<Value> bounded(BigInt value) {
  if (value.words() > BigInt::kMaxWords) return fail("an integer has more than ", BigInt::kMaxWords * 32, " bits.");
  return Value::integer(value);
}

int64_t plain(const Value& value) { return value.is(Kind::boolean) ? int64_t(value.boolean()) : value.integer(); }
bool small(int64_t i) { return i >= -0x7fffffff && i <= 0x7fffffff; }

Result<Value> power(const Value& a, const Value& b) {
  const BigInt exponent = big(b);
  if (exponent.negative()) {
    if (big(a).zero()) return fail("0 cannot be raised to a negative power.");
    return Value::real(std::pow(as_real(a), as_real(b)));
  }
  BigInt base = big(a), out(1);
  if (base.zero() && !exponent.zero()) return Value::integer(0);
  const auto count = exponent.small();
  const bool unit = compare(base, BigInt(1)) == 0 || compare(base, BigInt(-1)) == 0;
  if (unit) return Value::integer(compare(base, BigInt(1)) == 0 || (!count || *count % 2 == 0) ? 1 : -1);
  if (!count || *count > int64_t(BigInt::kMaxWords * 32)) return fail("the result of ** is too large.");
  for (int64_t rest = *count; rest; rest >>= 1) {
    if (rest & 1) out = multiply(out, base);
    if (out.words() > BigInt::kMaxWords) return fail("the result of ** is too large.");
    if (rest > 1) base = multiply(base, base);
    if (rest > 1 && base.words() > 2 * BigInt::kMaxWords) return fail("the result of ** is too large.");
  }
  return bounded(std::move(out));
}

Result<Value> small_arithmetic(Operator op, int64_t x, int64_t y) {
  switch (op) {
    case Operator::add:
      return Value::integer(x + y);
    case Operator::subtract:
      return Value::integer(x - y);
    case Operator::multiply:
      return Value::integer(x * y);
    default: {
      const int64_t rest = x % y, wrap = rest != 0 && (rest < 0) != (y < 0);
      return Value::integer(op == Operator::modulo ? rest + (wrap ? y : 0) : x / y - wrap);
    }
  }
}

Result<Value> true_division(const Value& a, const Value& b) {
  const double quotient = as_real(a) / as_real(b);
  if (!std::isfinite(quotient)) return fail("the result of / is too large for a float.");
  return Value::real(quotient);
}

Result<Value> whole_arithmetic(Operator op, const Value& a, const Value& b) {
  if (op == Operator::power) return power(a, b);
  const bool divides = op == Operator::divide || op == Operator::floor_divide || op == Operator::modulo;
  if (divides && !truth(b) && !b.is(Kind::big)) return fail("'", symbol(op), "' divides by zero.");
  if (op == Operator::divide) return true_division(a, b);
  if (!a.is(Kind::big) && !b.is(Kind::big) && small(plain(a)) && small(plain(b)))
    return small_arithmetic(op, plain(a), plain(b));
  const BigInt x = big(a), y = big(b);
  if (op == Operator::add) return bounded(add(x, y));
  if (op == Operator::subtract) return bounded(add(x, negated(y)));
  if (op == Operator::multiply) return bounded(multiply(x, y));
  BigInt quotient, remainder;
  divide(x, y, quotient, remainder);
  return bounded(op == Operator::modulo ? std::move(remainder) : std::move(quotient));
}

// Python's divmod of floats: the remainder has the sign of the divisor.
void floor_division(double x, double y, double& quotient, double& remainder) {
  remainder = std::fmod(x, y);
  double exact = (x - remainder) / y;
  if (remainder != 0) {
    if ((y < 0) != (remainder < 0)) remainder += y, exact -= 1;
  } else {
    remainder = std::copysign(0.0, y);
  }
  if (exact == 0) {
    quotient = std::copysign(0.0, x / y);
    return;
  }
  quotient = std::floor(exact);
  if (exact - quotient > 0.5) quotient += 1;
}

Result<Value> real_power(double x, double y) {
  if (x == 0 && y < 0) return fail("0.0 cannot be raised to a negative power.");
  if (x < 0 && std::isfinite(x) && std::isfinite(y) && y != std::floor(y))
    return fail("a negative number raised to a fraction is not a real number.");
  const double out = std::pow(x, y);
  if (std::isinf(out) && std::isfinite(x) && std::isfinite(y))
    return fail("the result of ** is too large for a float.");
  return Value::real(out);
}

Result<Value> real_arithmetic(Operator op, const Value& a, const Value& b) {
  const double x = as_real(a), y = as_real(b);
  if ((a.is(Kind::big) && std::isinf(x)) || (b.is(Kind::big) && std::isinf(y)))
    return fail("an integer is too large for a float.");
  double quotient = 0, remainder = 0;
  switch (op) {
    case Operator::add:
      return Value::real(x + y);
    case Operator::subtract:
      return Value::real(x - y);
    case Operator::multiply:
      return Value::real(x * y);
    case Operator::power:
      return real_power(x, y);
    default:
      break;
  }
  if (y == 0) return fail("'", symbol(op), "' divides by zero.");
  if (op == Operator::divide) return Value::real(x / y);
  floor_division(x, y, quotient, remainder);
  return Value::real(op == Operator::modulo ? remainder : quotient);
}

template <class Order>
bool holds(Comparison op, Order order) {
  switch (op) {
    case Comparison::less:
      return order < 0;
    case Comparison::less_equal:
      return order <= 0;
    case Comparison::greater:
      return order > 0;
    default:
      return order >= 0;
  }
}

// Exact, where the integer as a float would not be.
std::partial_ordering order_mixed(double real, const Value& whole) {
  const auto truncated = BigInt::truncated(real);
  if (!truncated) return real <=> 0.0;  // infinite: larger or smaller than any integer; NaN: neither
  const int order = compare(*truncated, big(whole));
  return order ? order <=> 0 : real <=> std::trunc(real);
}

Result<bool> compare_items(Comparison op, const std::vector<Value>& a, const std::vector<Value>& b) {
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    if (!equal(a[i], b[i])) return compare(op, a[i], b[i]);
  return holds(op, a.size() <=> b.size());
}

}  // namespace

std::string_view symbol(Operator op) {
  constexpr std::string_view kSymbols[] = {"+", "-", "*", "/", "//", "%", "**"};
  return kSymbols[int(op)];
}

std::string_view symbol(Comparison op) {
  constexpr std::string_view kSymbols[] = {"==", "!=", "<", "<=", ">", ">=", "in", "not in"};
  return kSymbols[int(op)];
}

Result<Value> arithmetic(Operator op, const Value& a, const Value& b) {
  if (!number(a) || !number(b)) return mismatch(symbol(op), a, b);
  if (a.is(Kind::real) || b.is(Kind::real)) return real_arithmetic(op, a, b);
  return whole_arithmetic(op, a, b);
}

Result<Value> negative(const Value& a) {
  if (a.undefined()) return fail(a.get<Kind::undefined>()->message);
  if (a.is(Kind::real)) return Value::real(-a.real());
  if (!number(a)) return fail("'-' does not work on ", type_name(a), ".");
  return Value::integer(negated(big(a)));
}

Result<Value> positive(const Value& a) {
  if (a.undefined()) return fail(a.get<Kind::undefined>()->message);
  if (!number(a)) return fail("'+' does not work on ", type_name(a), ".");
  return a.is(Kind::boolean) ? Value::integer(a.boolean()) : a;
}

Result<bool> compare(Comparison op, const Value& a, const Value& b) {
  if (op == Comparison::equal) return equal(a, b);
  if (op == Comparison::unequal) return !equal(a, b);
  if (a.undefined()) return fail(a.get<Kind::undefined>()->message);
  if (b.undefined()) return fail(b.get<Kind::undefined>()->message);
  if (whole(a) && whole(b)) return holds(op, order_whole(a, b));
  if (a.is(Kind::real) && whole(b)) return holds(op, order_mixed(a.real(), b));
  if (whole(a) && b.is(Kind::real)) return holds(op, 0 <=> order_mixed(b.real(), a));
  if (number(a) && number(b)) return holds(op, a.real() <=> b.real());
  if (a.text() && b.text()) return holds(op, a.bytes().compare(b.bytes()));
  if (a.kind() == b.kind() && (a.is(Kind::list) || a.is(Kind::tuple))) return compare_items(op, a.items(), b.items());
  return mismatch(symbol(op), a, b);
}

size_t find_text(std::string_view text, std::string_view needle, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  constexpr size_t kShort = 32;
  if (needle.size() <= kShort) return text.find(needle, from);
  // Knuth, Morris, Pratt: a long needle of one repeated character must not take quadratic time.
  std::vector<uint32_t> border(needle.size(), 0);
  for (size_t i = 1, k = 0; i < needle.size(); ++i) {
    while (k && needle[i] != needle[k]) k = border[k - 1];
    if (needle[i] == needle[k]) ++k;
    border[i] = uint32_t(k);
  }
  for (size_t i = from, k = 0; i < text.size(); ++i) {
    while (k && text[i] != needle[k]) k = border[k - 1];
    if (text[i] == needle[k]) ++k;
    if (k == needle.size()) return i + 1 - k;
  }
  return std::string_view::npos;
}

}  // namespace lorikeet::jinja
