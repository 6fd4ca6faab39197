// The tests that follow `is`.
#include <algorithm>

#include "frontend/chat/builtins.h"
#include "frontend/chat/unicode.h"

namespace lorikeet::jinja {
namespace {

Result<Value> yes(bool b) { return Value::boolean(b); }

template <bool (*holds)(const Value&)>
Result<Value> simple(Evaluator&, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("the test", arguments, {"value"}, 1));
  return yes(holds(values[0]));
}

bool is_defined(const Value& v) { return !v.undefined(); }
bool is_undefined(const Value& v) { return v.undefined(); }
bool is_none(const Value& v) { return v.is(Kind::none); }
bool is_boolean(const Value& v) { return v.is(Kind::boolean); }
bool is_true(const Value& v) { return v.is(Kind::boolean) && v.boolean(); }
bool is_false(const Value& v) { return v.is(Kind::boolean) && !v.boolean(); }
bool is_integer(const Value& v) { return v.is(Kind::integer) || v.is(Kind::big); }
bool is_float(const Value& v) { return v.is(Kind::real); }
bool is_string(const Value& v) { return v.text(); }
bool is_mapping(const Value& v) { return v.is(Kind::dict); }
bool is_number(const Value& v) { return number(v); }
bool is_escaped(const Value& v) { return v.markup(); }
bool is_sequence(const Value& v) {
  return v.text() || v.is(Kind::list) || v.is(Kind::tuple) || v.is(Kind::dict) || v.is(Kind::range) || v.undefined();
}
bool is_callable(const Value& v) {
  return v.is(Kind::function) || v.is(Kind::macro) || v.is(Kind::loop) || v.is(Kind::joiner) || v.undefined();
}

Result<Value> is_iterable(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("iterable", arguments, {"value"}, 1));
  return yes(evaluator.iterable(values[0]));
}

// value % divisor == remainder
Result<Value> remainder_is(Evaluator& evaluator, const Value& value, const Value& divisor, int64_t remainder) {
  LK_ASSIGN(const Value rest, evaluator.combined(Operator::modulo, value, divisor));
  return yes(equal(rest, Value::integer(remainder)));
}

Result<Value> is_odd(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("odd", arguments, {"value"}, 1));
  return remainder_is(evaluator, values[0], Value::integer(2), 1);
}

Result<Value> is_even(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("even", arguments, {"value"}, 1));
  return remainder_is(evaluator, values[0], Value::integer(2), 0);
}

Result<Value> is_divisible(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("divisibleby", arguments, {"value", "num"}, 2));
  return remainder_is(evaluator, values[0], values[1], 0);
}

template <Comparison op>
Result<Value> comparison(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters(symbol(op), arguments, {"", ""}, 2));
  LK_ASSIGN(const bool holds, evaluator.compared(op, values[0], values[1]));
  return yes(holds);
}

Result<Value> is_in(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("in", arguments, {"value", "seq"}, 2));
  LK_ASSIGN(const bool found, evaluator.contains(values[1], values[0]));
  return yes(found);
}

// Python's `is`: plain values of one type and value count as one object.
Result<Value> is_same(Evaluator&, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("sameas", arguments, {"value", "other"}, 2));
  const Value &a = values[0], &b = values[1];
  if (a.kind() != b.kind()) return yes(false);
  if (a.text()) return yes(a.bytes() == b.bytes() && a.markup() == b.markup());
  if (a.identity()) return yes(a.identity() == b.identity());
  return yes(equal(a, b));
}

template <const Builtin* (*find)(std::string_view)>
Result<Value> exists(Evaluator&, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("the test", arguments, {"value"}, 1));
  if (!hashable(values[0])) return fail("a value of type ", type_name(values[0]), " cannot be a name.");
  return yes(values[0].text() && find(values[0].bytes()));
}

// str.islower and str.isupper of the value's text: letters of that case, and none of the other.
template <bool (*wanted)(char32_t), bool (*unwanted)(char32_t)>
Result<Value> has_case(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("the test", arguments, {"value"}, 1));
  LK_ASSIGN(const std::string text, evaluator.str(values[0]));
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    const char32_t point = unicode::decode(text, at);
    if (unwanted(point) || unicode::is_title(point)) return yes(false);
    any |= wanted(point);
  }
  return yes(any);
}

constexpr Builtin kTests[] = {
    {"odd", is_odd},
    {"even", is_even},
    {"divisibleby", is_divisible},
    {"defined", simple<is_defined>},
    {"undefined", simple<is_undefined>},
    {"filter", exists<find_filter>},
    {"test", exists<find_test>},
    {"none", simple<is_none>},
    {"boolean", simple<is_boolean>},
    {"false", simple<is_false>},
    {"true", simple<is_true>},
    {"integer", simple<is_integer>},
    {"float", simple<is_float>},
    {"lower", has_case<unicode::is_lower, unicode::is_upper>},
    {"upper", has_case<unicode::is_upper, unicode::is_lower>},
    {"string", simple<is_string>},
    {"mapping", simple<is_mapping>},
    {"number", simple<is_number>},
    {"sequence", simple<is_sequence>},
    {"iterable", is_iterable},
    {"callable", simple<is_callable>},
    {"sameas", is_same},
    {"escaped", simple<is_escaped>},
    {"in", is_in},
    {"==", comparison<Comparison::equal>},
    {"eq", comparison<Comparison::equal>},
    {"equalto", comparison<Comparison::equal>},
    {"!=", comparison<Comparison::unequal>},
    {"ne", comparison<Comparison::unequal>},
    {">", comparison<Comparison::greater>},
    {"gt", comparison<Comparison::greater>},
    {"greaterthan", comparison<Comparison::greater>},
    {">=", comparison<Comparison::greater_equal>},
    {"ge", comparison<Comparison::greater_equal>},
    {"<", comparison<Comparison::less>},
    {"lt", comparison<Comparison::less>},
    {"lessthan", comparison<Comparison::less>},
    {"<=", comparison<Comparison::less_equal>},
    {"le", comparison<Comparison::less_equal>},
};

}  // namespace

std::span<const Builtin> tests() { return kTests; }

}  // namespace lorikeet::jinja
