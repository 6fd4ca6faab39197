// Items, attributes and slices of values, with the rules of the immutable sandbox.
#include <algorithm>

#include "frontend/chat/builtins.h"
#include "frontend/chat/evaluator.h"
#include "frontend/chat/print.h"
#include "frontend/chat/unicode.h"

namespace lorikeet::jinja {
namespace {

// The code point at index i of a text, which must be there.
std::string point_at(const Text& text, int64_t i) {
  if (text.ascii()) return text.bytes.substr(size_t(i), 1);
  size_t at = 0;
  for (int64_t k = 0; k < i; ++k) unicode::decode(text.bytes, at);
  const size_t start = at;
  unicode::decode(text.bytes, at);
  return text.bytes.substr(start, at - start);
}

struct Bounds {
  int64_t start, stop, step, count;
};

// slice(start, stop, step).indices(size)
Result<Bounds> bounds(const Value& start, const Value& stop, const Value& step, int64_t size) {
  const auto given = [](const Value& v) { return !v.missing() && !v.is(Kind::none); };
  int64_t by = 1;
  if (given(step)) {
    LK_ASSIGN(by, to_integer("slice", step));
  }
  if (by == 0) return fail("the step of a slice is zero.");
  const int64_t low = by < 0 ? -1 : 0, high = by < 0 ? size - 1 : size;
  const auto clamped = [&](int64_t i) { return std::clamp(i < 0 ? (i < -size ? low : i + size) : i, low, high); };
  int64_t first = by < 0 ? high : low, last = by < 0 ? low : high;
  if (given(start)) {
    LK_ASSIGN(const int64_t i, to_integer("slice", start));
    first = clamped(i);
  }
  if (given(stop)) {
    LK_ASSIGN(const int64_t i, to_integer("slice", stop));
    last = clamped(i);
  }
  const int64_t span = by < 0 ? first - last : last - first;
  const uint64_t stride = by < 0 ? ~uint64_t(by) + 1 : uint64_t(by);
  return Bounds{first, last, by, span <= 0 ? 0 : int64_t(uint64_t(span - 1) / stride + 1)};
}

Value at_index(const Value& object, int64_t i) {
  switch (object.kind()) {
    case Kind::text:
      return Value::text(point_at(*object.get<Kind::text>(), i), object.markup());
    case Kind::range:
      return Value::integer(object.get<Kind::range>()->at(i));
    default:
      return object.items()[size_t(i)];
  }
}

bool indexed(const Value& object) {
  return object.text() || object.is(Kind::list) || object.is(Kind::tuple) || object.is(Kind::range);
}

std::string sliced_text(const Text& text, const Bounds& b) {
  std::string out;
  if (text.ascii()) {
    if (b.step == 1) return text.bytes.substr(size_t(b.start), size_t(b.count));
    for (int64_t i = 0; i < b.count; ++i) out += text.bytes[size_t(b.start + i * b.step)];
    return out;
  }
  const std::u32string points = unicode::points(text.bytes);
  for (int64_t i = 0; i < b.count; ++i) unicode::append(out, points[size_t(b.start + i * b.step)]);
  return out;
}

Result<Value> loop_attribute(Evaluator& evaluator, Loop& loop, const std::string& name, bool& found) {
  found = true;
  if (name == "index0") return Value::integer(loop.index0);
  if (name == "index") return Value::integer(loop.index0 + 1);
  if (name == "depth0") return Value::integer(loop.depth0);
  if (name == "depth") return Value::integer(loop.depth0 + 1);
  if (name == "first") return Value::boolean(loop.index0 == 0);
  if (name == "last") {
    LK_ASSIGN(const bool more, loop.has_next());
    return Value::boolean(!more);
  }
  if (name == "previtem") return loop.index0 > 0 ? loop.before : Value::undefined("there is no previous item.");
  if (name == "nextitem") {
    LK_ASSIGN(const bool more, loop.has_next());
    return more ? *loop.after : Value::undefined("there is no next item.");
  }
  if (name == "length" || name == "revindex" || name == "revindex0") {
    LK_ASSIGN(const int64_t size, loop.size(evaluator));
    return Value::integer(name == "length" ? size : size - loop.index0 - (name == "revindex0"));
  }
  found = false;
  return Value();
}

Value macro_attribute(const Macro& macro, const std::string& name, bool& found) {
  const Signature& signature = macro.statement->signature;
  found = true;
  if (name == "name")
    return macro.statement->kind == StmtKind::macro ? Value::text(macro.statement->name) : Value::none();
  if (name == "caller") return Value::boolean(signature.uses_caller);
  if (name == "catch_kwargs") return Value::boolean(signature.kwargs.index >= 0);
  if (name == "catch_varargs") return Value::boolean(signature.varargs.index >= 0);
  if (name == "arguments") {
    std::vector<Value> names;
    for (const ExprPtr& parameter : signature.names) names.push_back(Value::text(parameter->name));
    return Value::tuple(std::move(names));
  }
  found = false;
  return {};
}

Value number_attribute(const Value& object, const std::string& name, bool& found) {
  found = true;
  if (name == "real") return object.is(Kind::boolean) ? Value::integer(object.boolean()) : object;
  if (name == "imag") return object.is(Kind::real) ? Value::real(0) : Value::integer(0);
  if (name == "numerator" && whole(object)) return object.is(Kind::boolean) ? Value::integer(object.boolean()) : object;
  if (name == "denominator" && whole(object)) return Value::integer(1);
  found = false;
  return {};
}

}  // namespace

Value Evaluator::absent(const Value& object, const Value& name) {
  if (name.text())
    return Value::undefined(join("'", type_name(object), " object' has no attribute ", quoted(name.bytes()), "."));
  return Value::undefined(join(type_name(object), " object has no such element."));
}

// What Python's getattr finds.
Result<Value> Evaluator::object_attribute(const Value& object, const std::string& name, bool& found) {
  found = true;
  if (object.undefined()) return fail(object.get<Kind::undefined>()->message);
  if (object.is(Kind::space)) {
    const Value* value = object.get<Kind::space>()->attributes.find(std::string_view(name));
    if (value && !name.starts_with("_")) return *value;
    if (value) return Value::undefined(join("access to the attribute '", name, "' is unsafe."));
  }
  if (const Builtin* method = find_method(object, name))
    return Value::make<Kind::function>(
        std::make_shared<const Function>(Function{method->name, method->native, object}));
  if (changes_object(object, name))
    return Value::undefined(
        join("the attribute '", name, "' of a ", type_name(object), " is unsafe: it would change it."));
  if (object.is(Kind::loop)) return loop_attribute(*this, *object.get<Kind::loop>(), name, found);
  if (object.is(Kind::macro)) return macro_attribute(*object.get<Kind::macro>(), name, found);
  if (number(object)) return number_attribute(object, name, found);
  if (object.is(Kind::cycler) && name == "current") {
    const Cycler& cycler = *object.get<Kind::cycler>();
    return cycler.items[cycler.position];
  }
  if (object.is(Kind::range) && (name == "start" || name == "stop" || name == "step")) {
    const Range& range = *object.get<Kind::range>();
    return Value::integer(name == "start" ? range.start : name == "stop" ? range.stop : range.step);
  }
  if (object.is(Kind::tuple) && object.get<Kind::tuple>()->group && (name == "grouper" || name == "list"))
    return object.items()[name == "list"];
  found = false;
  return Value();
}

Result<Value> Evaluator::attribute(const Value& object, const std::string& name) {
  bool found = false;
  LK_ASSIGN(Value value, object_attribute(object, name, found));
  if (found) return value;
  if (object.is(Kind::dict))
    if (const Value* entry = object.dict().find(std::string_view(name))) return *entry;
  return absent(object, Value::text(name));
}

Result<Value> Evaluator::item(const Value& object, const Value& key) {
  if (object.undefined()) return fail(object.get<Kind::undefined>()->message);
  if (object.is(Kind::dict) && hashable(key)) {
    LK_ASSIGN(const Value* entry, find(object.dict(), key));
    if (entry) return *entry;
  } else if (indexed(object) && (key.is(Kind::integer) || key.is(Kind::boolean))) {
    LK_ASSIGN(const int64_t size, length(object));
    const int64_t i = key.is(Kind::boolean) ? int64_t(key.boolean()) : key.integer();
    if (i >= -size && i < size) {
      if (object.text() && !object.get<Kind::text>()->ascii()) LK_TRY(charge(size / 16));
      return at_index(object, i < 0 ? i + size : i);
    }
  }
  if (!key.text()) return absent(object, key);
  bool found = false;
  LK_ASSIGN(Value value, object_attribute(object, key.bytes(), found));
  return found ? std::move(value) : absent(object, key);
}

Result<Value> Evaluator::slice(const Value& object, const Value& start, const Value& stop, const Value& step) {
  if (object.undefined()) return fail(object.get<Kind::undefined>()->message);
  if (!indexed(object)) return fail("a value of type ", type_name(object), " cannot be sliced.");
  LK_ASSIGN(const int64_t size, length(object));
  LK_ASSIGN(const Bounds b, bounds(start, stop, step, size));
  if (object.is(Kind::range)) {
    const Range& range = *object.get<Kind::range>();
    const Range out{range.at(b.start), range.at(b.stop), b.count > 1 ? range.step * b.step : range.step};
    return Value::make<Kind::range>(std::make_shared<const Range>(out));
  }
  if (object.text()) {
    LK_TRY(charge(weight(object)));
    return text(sliced_text(*object.get<Kind::text>(), b), object.markup());
  }
  LK_TRY(reserve(size_t(b.count), sizeof(Value)));
  std::vector<Value> items;
  items.reserve(size_t(b.count));
  for (int64_t i = 0; i < b.count; ++i) items.push_back(object.items()[size_t(b.start + i * b.step)]);
  return object.is(Kind::list) ? list(std::move(items)) : tuple(std::move(items));
}

}  // namespace lorikeet::jinja
