// Filters that pick, change and cut the items of sequences; most give them one by one.
#include <algorithm>
#include <utility>

#include "frontend/chat/attribute_path.h"
#include "frontend/chat/builtins.h"

namespace lorikeet::jinja {
namespace {

Result<Value> first(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("first", arguments, {"seq"}, 1));
  LK_ASSIGN(const Next next, evaluator.iterate(values[0]));
  Value item;
  LK_ASSIGN(const bool more, next(item));
  return more ? item : Value::undefined("the sequence was empty.");
}

Result<Value> last(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("last", arguments, {"seq"}, 1));
  if (values[0].is(Kind::iterator)) return fail("the last item of a generator is not known.");
  const bool plain = values[0].is(Kind::list) || values[0].is(Kind::tuple);
  LK_ASSIGN(const std::vector<Value> walked, plain ? std::vector<Value>() : evaluator.collect(values[0]));
  const std::vector<Value>& items = plain ? values[0].items() : walked;
  return items.empty() ? Value::undefined("the sequence was empty.") : items.back();
}

Result<Value> length(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("length", arguments, {"value"}, 1));
  LK_ASSIGN(const int64_t size, evaluator.length(values[0]));
  return Value::integer(size);
}

Result<Value> list(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("list", arguments, {"value"}, 1));
  LK_ASSIGN(std::vector<Value> items, evaluator.collect(values[0]));
  return evaluator.list(std::move(items));
}

Result<Value> items(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("items", arguments, {"value"}, 1));
  if (!values[0].is(Kind::dict) && !values[0].undefined())
    return fail("items needs a dict, found ", type_name(values[0]), ".");
  Value view = values[0];
  if (view.is(Kind::dict))
    view = Value::make<Kind::view>(std::make_shared<const View>(View{View::Of::items, view.get<Kind::dict>()}));
  LK_ASSIGN(const Next next, evaluator.iterate(view));
  return evaluator.iterator(next, depth(view));
}

Result<Value> otherwise(Evaluator&, Arguments& arguments) {
  LK_ASSIGN(auto values, parameters("default", arguments, {"value", "default_value", "boolean"}, 1));
  const bool use = values[0].undefined() || (truth(values[2]) && !truth(values[0]));
  if (!use) return values[0];
  return values[1].missing() ? Value::text("") : values[1];
}

// Attributes only, no items.
Result<Value> attr(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("attr", arguments, {"obj", "name"}, 2));
  LK_ASSIGN(const std::string name, to_text("attr", values[1]));
  const Value& object = values[0];
  if (object.undefined()) return fail(object.get<Kind::undefined>()->message);
  if (object.is(Kind::dict) && !find_method(object, name))
    return Value::undefined("a dict has no attribute '" + name + "'.");
  return evaluator.attribute(object, name);
}

// What a function makes of each item; items for which it gives nothing are left out.
using Change = std::function<Result<bool>(Value&)>;
Result<Value> changed(Evaluator& evaluator, const Value& values, Change change, const Arguments& kept) {
  int deepest = depth(values);
  for (const Value& value : kept.positional) deepest = std::max(deepest, depth(value));
  for (const auto& [name, value] : kept.keywords) deepest = std::max(deepest, depth(value));
  // What is false is not even walked over.
  if (!truth(values)) return evaluator.iterator([](Value&) -> Result<bool> { return false; }, 0);
  Next source;
  const auto next = [&evaluator, values, source, change = std::move(change)](Value& out) mutable -> Result<bool> {
    if (!source) {
      LK_ASSIGN(source, evaluator.iterate(values));
    }
    while (true) {
      LK_ASSIGN(const bool more, source(out));
      if (!more) return false;
      LK_ASSIGN(const bool keep, change(out));
      if (keep) return true;
    }
  };
  return evaluator.iterator(next, deepest);
}

Result<Value> taken(std::string_view function, Arguments& arguments) {
  if (arguments.positional.empty()) return fail(function, " needs a value.");
  Value out = std::move(arguments.positional.front());
  arguments.positional.erase(arguments.positional.begin());
  return out;
}

Result<Value> map_attribute(Evaluator& evaluator, const Value& values, Arguments& arguments) {
  LK_ASSIGN(const auto named, parameters("map", arguments, {"attribute", "default"}, 1));
  const Change change = [&evaluator, path = AttributePath(named[0]),
                         otherwise = named[1]](Value& item) -> Result<bool> {
    LK_ASSIGN(item, path.of(evaluator, item, otherwise));
    return true;
  };
  return changed(evaluator, values, change, {{named[1]}, {}});
}

Result<Value> map(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const Value values, taken("map", arguments));
  const auto is_attribute = [](const auto& keyword) { return keyword.first == "attribute"; };
  if (arguments.positional.empty() && std::any_of(arguments.keywords.begin(), arguments.keywords.end(), is_attribute))
    return map_attribute(evaluator, values, arguments);
  const Change change = [&evaluator, arguments](Value& item) -> Result<bool> {
    if (arguments.positional.empty()) return fail("map needs the name of a filter.");
    LK_ASSIGN(const std::string name, to_text("map", arguments.positional[0]));
    Arguments passed = arguments;
    passed.positional[0] = item;
    LK_ASSIGN(item, evaluator.filter(name, std::move(passed)));
    return true;
  };
  return changed(evaluator, values, change, arguments);
}

// select, reject, selectattr, rejectattr: items for which a test holds, or does not.
template <bool wanted, bool by_attribute>
Result<Value> select(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const Value values, taken("select", arguments));
  Value attribute;
  if (by_attribute && !arguments.positional.empty()) {
    LK_ASSIGN(attribute, taken("select", arguments));
  }
  const Change change = [&evaluator, arguments, attribute,
                         path = AttributePath(attribute)](Value& item) -> Result<bool> {
    if (by_attribute && attribute.missing()) return fail("the name of an attribute is needed.");
    LK_ASSIGN(Value tested, path.of(evaluator, item));
    if (arguments.positional.empty()) return truth(tested) == wanted;
    LK_ASSIGN(const std::string name, to_text("select", arguments.positional[0]));
    Arguments passed = arguments;
    passed.positional[0] = std::move(tested);
    LK_ASSIGN(const bool holds, evaluator.test(name, std::move(passed)));
    return holds == wanted;
  };
  return changed(evaluator, values, change, arguments);
}

Result<Value> batch(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("batch", arguments, {"value", "linecount", "fill_with"}, 2));
  LK_ASSIGN(const int64_t size, to_integer("batch", values[1]));
  const bool fill = !values[2].missing() && !values[2].is(Kind::none);
  LK_ASSIGN(const std::vector<Value> items, evaluator.collect(values[0]));
  // A size of 0 gives an empty row and then all the rest; a negative one never fills a row.
  std::vector<Value> rows, line;
  if (size > 0 && fill && !items.empty()) LK_TRY(evaluator.reserve(size_t(size), sizeof(Value)));
  const auto end_row = [&]() -> Status {
    LK_ASSIGN(Value value, evaluator.list(std::exchange(line, {})));
    rows.push_back(std::move(value));
    return Done{};
  };
  for (const Value& item : items) {
    if (int64_t(line.size()) == size) LK_TRY(end_row());
    line.push_back(item);
  }
  if (fill && !line.empty() && int64_t(line.size()) < size) line.resize(size_t(size), values[2]);
  if (!line.empty()) LK_TRY(end_row());
  LK_ASSIGN(const Value all, evaluator.list(std::move(rows)));
  LK_ASSIGN(const Next next, evaluator.iterate(all));
  return evaluator.iterator(next, depth(all));
}

Result<Value> slice(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("slice", arguments, {"value", "slices", "fill_with"}, 2));
  LK_ASSIGN(const int64_t count, to_integer("slice", values[1]));
  if (count == 0) return fail("slice needs at least one slice.");
  const bool fill = !values[2].missing() && !values[2].is(Kind::none);
  LK_ASSIGN(const std::vector<Value> items, evaluator.collect(values[0]));
  const size_t slices = size_t(std::max<int64_t>(count, 0));
  LK_TRY(evaluator.reserve(slices, sizeof(Value)));
  std::vector<Value> out;
  for (size_t i = 0, at = 0; i < slices; ++i) {
    const bool longer = i < items.size() % slices;
    const size_t end = at + items.size() / slices + longer;
    std::vector<Value> part(items.begin() + ptrdiff_t(at), items.begin() + ptrdiff_t(end));
    if (fill && !longer) part.push_back(values[2]);
    LK_ASSIGN(Value value, evaluator.list(std::move(part)));
    out.push_back(std::move(value));
    at = end;
  }
  LK_ASSIGN(const Value all, evaluator.list(std::move(out)));
  LK_ASSIGN(const Next next, evaluator.iterate(all));
  return evaluator.iterator(next, depth(all));
}

constexpr Builtin kFilters[] = {
    {"first", first},
    {"last", last},
    {"length", length},
    {"count", length},
    {"list", list},
    {"items", items},
    {"default", otherwise},
    {"d", otherwise},
    {"attr", attr},
    {"map", map},
    {"select", select<true, false>},
    {"reject", select<false, false>},
    {"selectattr", select<true, true>},
    {"rejectattr", select<false, true>},
    {"batch", batch},
    {"slice", slice},
};

}  // namespace

std::span<const Builtin> choice_filters() { return kFilters; }

}  // namespace lorikeet::jinja
