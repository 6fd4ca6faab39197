// Filters that make and change numbers, and the methods of numbers.
#include <cmath>

#include "frontend/chat/builtins.h"
#include "frontend/chat/format_number.h"

namespace lorikeet::jinja {
namespace {

Result<Value> absolute(Evaluator&, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("abs", arguments, {"value"}, 1));
  const Value& value = values[0];
  if (value.undefined()) return fail(value.get<Kind::undefined>()->message);
  if (value.is(Kind::real)) return Value::real(std::abs(value.real()));
  if (!whole(value)) return fail("abs needs a number, found ", type_name(value), ".");
  const BigInt i = big(value);
  return Value::integer(i.negative() ? negated(i) : i);
}

std::optional<Value> truncated(double value) {
  const auto i = BigInt::truncated(value);
  if (!i) return std::nullopt;
  return Value::integer(*i);
}

Result<Value> to_int(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("int", arguments, {"value", "default", "base"}, 1));
  const Value& value = values[0];
  const Value otherwise = values[1].missing() ? Value::integer(0) : values[1];
  LK_ASSIGN(const int64_t base, to_integer("int", values[2], 10));
  LK_TRY(evaluator.charge(weight(value)));
  if (value.undefined()) return fail(value.get<Kind::undefined>()->message);
  if (whole(value)) return Value::integer(big(value));
  if (value.is(Kind::real)) {
    if (std::isinf(value.real()) || std::isnan(value.real())) return otherwise;
    return *truncated(value.real());
  }
  if (!value.text()) return otherwise;
  if (const auto i = parse_integer(value.bytes(), base)) return *i;
  const auto real = parse_real(value.bytes());
  return real ? truncated(*real).value_or(otherwise) : otherwise;
}

Result<Value> to_float(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("float", arguments, {"value", "default"}, 1));
  const Value& value = values[0];
  const Value otherwise = values[1].missing() ? Value::real(0) : values[1];
  LK_TRY(evaluator.charge(weight(value)));
  if (value.undefined()) return fail(value.get<Kind::undefined>()->message);
  if (number(value)) {
    if (value.is(Kind::big) && std::isinf(as_real(value))) return fail("an integer is too large for a float.");
    return Value::real(as_real(value));
  }
  const auto real = value.text() ? parse_real(value.bytes()) : std::nullopt;
  return real ? Value::real(*real) : otherwise;
}

// To the nearest, halves to even, of the exact binary value.
double rounded(double value, int64_t precision) {
  if (!std::isfinite(value) || precision > 330) return value;
  if (precision < -310) return 0 * value;
  if (precision >= 0) return parse_real(real_digits(value, 'f', int(precision))).value_or(value);
  const double scale = std::pow(10.0, double(-precision));
  return std::nearbyint(value / scale) * scale;
}

// Integers round at negative precisions only.
Result<Value> rounded_whole(const BigInt& value, int64_t precision) {
  if (precision >= 0) return Value::integer(value);
  if (precision < -4000) return Value::integer(0);
  BigInt scale(1);
  for (int64_t i = 0; i < -precision; ++i) scale = multiply(scale, BigInt(10));
  BigInt quotient, rest;
  divide(value, scale, quotient, rest);
  const int side = compare(add(rest, rest), scale);
  BigInt half, odd;
  divide(quotient, BigInt(2), half, odd);
  if (side > 0 || (side == 0 && !odd.zero())) quotient = add(quotient, BigInt(1));
  return Value::integer(multiply(quotient, scale));
}

Result<Value> round(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("round", arguments, {"value", "precision", "method"}, 1));
  LK_ASSIGN(const std::string method,
            values[2].missing() ? Result<std::string>(std::string("common")) : to_text("round", values[2]));
  if (method != "common" && method != "ceil" && method != "floor")
    return fail("the method of round is common, ceil or floor.");
  if (values[0].undefined()) return fail(values[0].get<Kind::undefined>()->message);
  if (!number(values[0])) return fail("round needs a number, found ", type_name(values[0]), ".");
  LK_ASSIGN(const int64_t precision, to_integer("round", values[1], 0));
  LK_TRY(evaluator.charge(100));
  if (method == "common")
    return values[0].is(Kind::real) ? Value::real(rounded(values[0].real(), precision))
                                    : rounded_whole(big(values[0]), precision);
  LK_ASSIGN(const Value scale, arithmetic(Operator::power, Value::integer(10), Value::integer(precision)));
  LK_ASSIGN(const Value scaled, arithmetic(Operator::multiply, values[0], scale));
  if (!std::isfinite(as_real(scaled))) return fail("round needs a finite number.");
  Value whole_part = scaled;
  if (scaled.is(Kind::real))
    whole_part = *truncated(method == "ceil" ? std::ceil(scaled.real()) : std::floor(scaled.real()));
  return arithmetic(Operator::divide, whole_part, scale);
}

Result<Value> bit_length(Evaluator&, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("bit_length", arguments, {"self"}, 1));
  if (!whole(values[0])) return fail("bit_length needs an integer.");
  const BigInt i = big(values[0]);
  return Value::integer(i.zero() ? 0 : int64_t((i.negative() ? negated(i) : i).text(2).size()));
}

Result<Value> is_integer(Evaluator&, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("is_integer", arguments, {"self"}, 1));
  if (!values[0].is(Kind::real)) return fail("is_integer needs a float.");
  return Value::boolean(std::isfinite(values[0].real()) && values[0].real() == std::trunc(values[0].real()));
}

Result<Value> conjugate(Evaluator&, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("conjugate", arguments, {"self"}, 1));
  return values[0];
}

constexpr Builtin kFilters[] = {{"abs", absolute}, {"int", to_int}, {"float", to_float}, {"round", round}};
constexpr Builtin kMethods[] = {{"bit_length", bit_length}, {"is_integer", is_integer}, {"conjugate", conjugate}};

}  // namespace

std::span<const Builtin> number_filters() { return kFilters; }
std::span<const Builtin> number_methods() { return kMethods; }

}  // namespace lorikeet::jinja
