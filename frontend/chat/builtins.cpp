#include "frontend/chat/builtins.h"

#include <algorithm>
#include <unordered_map>

namespace lorikeet::jinja {
namespace {

using Table = std::unordered_map<std::string_view, const Builtin*>;

Table table(std::initializer_list<std::span<const Builtin>> parts) {
  Table out;
  for (const auto& part : parts)
    for (const Builtin& builtin : part) out.emplace(builtin.name, &builtin);
  return out;
}

const Builtin* find(const Table& table, std::string_view name) {
  const auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}

template <size_t n>
bool among(const std::string_view (&names)[n], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace

const Builtin* find_filter(std::string_view name) {
  static const Table kTable =
      table({text_filters(), layout_filters(), sequence_filters(), choice_filters(), number_filters()});
  return find(kTable, name);
}

const Builtin* find_test(std::string_view name) {
  static const Table kTable = table({tests()});
  return find(kTable, name);
}

const Builtin* find_global(std::string_view name) {
  static const Table kTable = table({globals()});
  return find(kTable, name);
}

const Builtin* find_method(const Value& object, std::string_view name) {
  static const Table kText = table({text_methods(), text_search_methods()});
  static const Table kList = table({list_methods()});
  static const Table kTuple = table({tuple_methods()});
  static const Table kDict = table({dict_methods()});
  static const Table kNumber = table({number_methods()});
  static const Table kLoop = table({loop_methods()});
  static const Table kCycler = table({cycler_methods()});
  switch (object.kind()) {
    case Kind::text:
      return find(kText, name);
    case Kind::list:
      return find(kList, name);
    case Kind::tuple:
    case Kind::range:
      return find(kTuple, name);
    case Kind::dict:
      return find(kDict, name);
    case Kind::boolean:
    case Kind::integer:
    case Kind::big:
    case Kind::real:
      return find(kNumber, name);
    case Kind::loop:
      return find(kLoop, name);
    case Kind::cycler:
      return find(kCycler, name);
    default:
      return nullptr;
  }
}

bool changes_object(const Value& object, std::string_view name) {
  constexpr std::string_view kList[] = {"append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"};
  constexpr std::string_view kDict[] = {"clear", "pop", "popitem", "setdefault", "update"};
  return (object.is(Kind::list) && among(kList, name)) || (object.is(Kind::dict) && among(kDict, name));
}

}  // namespace lorikeet::jinja
