// The methods of lists, tuples, ranges and dicts that do not change them.
#include <algorithm>

#include "frontend/chat/builtins.h"

namespace lorikeet::jinja {
namespace {

Result<Value> count(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("count", arguments, {"", ""}, 2));
  LK_ASSIGN(const std::vector<Value> items, evaluator.collect(values[0]));
  int64_t found = 0;
  for (const Value& item : items) {
    LK_ASSIGN(const bool same, evaluator.same(item, values[1]));
    found += same;
  }
  return Value::integer(found);
}

Result<Value> index(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("index", arguments, {"", "", "", ""}, 2));
  LK_ASSIGN(const std::vector<Value> items, evaluator.collect(values[0]));
  const int64_t size = int64_t(items.size());
  LK_ASSIGN(int64_t start, to_integer("index", values[2], 0));
  LK_ASSIGN(int64_t stop, to_integer("index", values[3], size));
  if (start < 0) start = std::max<int64_t>(start < -size ? 0 : start + size, 0);
  if (stop < 0) stop = std::max<int64_t>(stop < -size ? 0 : stop + size, 0);
  for (int64_t i = start; i < std::min(stop, size); ++i) {
    LK_ASSIGN(const bool same, evaluator.same(items[size_t(i)], values[1]));
    if (same) return Value::integer(i);
  }
  return fail("the value is not in the ", type_name(values[0]), ".");
}

Result<Value> copy(Evaluator&, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("copy", arguments, {""}, 1));
  return values[0];  // nothing can change it
}

Result<Value> get(Evaluator& evaluator, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("get", arguments, {"", "", ""}, 2));
  LK_ASSIGN(const Value* found, evaluator.find(values[0].dict(), values[1]));
  if (found) return *found;
  return values[2].missing() ? Value::none() : values[2];
}

template <View::Of of>
Result<Value> view(Evaluator&, Arguments& arguments) {
  LK_ASSIGN(const auto values, parameters("the method", arguments, {""}, 1));
  return Value::make<Kind::view>(std::make_shared<const View>(View{of, values[0].get<Kind::dict>()}));
}

constexpr Builtin kList[] = {{"count", count}, {"index", index}, {"copy", copy}};
constexpr Builtin kTuple[] = {{"count", count}, {"index", index}};
constexpr Builtin kDict[] = {
    {"get", get},
    {"keys", view<View::Of::keys>},
    {"values", view<View::Of::values>},
    {"items", view<View::Of::items>},
    {"copy", copy},
};

}  // namespace

std::span<const Builtin> list_methods() { return kList; }
std::span<const Builtin> tuple_methods() { return kTuple; }
std::span<const Builtin> dict_methods() { return kDict; }

}  // namespace lorikeet::jinja
