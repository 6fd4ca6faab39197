// The tables of filters, tests, global functions and methods, and how their arguments are read.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "frontend/chat/evaluator.h"
#include "frontend/chat/value.h"

namespace lorikeet::jinja {

struct Builtin {
  std::string_view name;
  Native native;
};

// Null if there is none. A filter's or test's first argument is its value, a method's first argument its object.
const Builtin* find_filter(std::string_view name);
const Builtin* find_test(std::string_view name);
const Builtin* find_method(const Value& object, std::string_view name);
const Builtin* find_global(std::string_view name);
// A method that would change a list or dict: there is one, but no template may have it.
bool changes_object(const Value& object, std::string_view name);

// One table a file.
std::span<const Builtin> text_filters();
std::span<const Builtin> layout_filters();
std::span<const Builtin> sequence_filters();
std::span<const Builtin> choice_filters();
std::span<const Builtin> number_filters();
std::span<const Builtin> tests();
std::span<const Builtin> globals();
std::span<const Builtin> text_methods();
std::span<const Builtin> text_search_methods();
std::span<const Builtin> list_methods();
std::span<const Builtin> tuple_methods();
std::span<const Builtin> dict_methods();
std::span<const Builtin> number_methods();
std::span<const Builtin> loop_methods();
std::span<const Builtin> cycler_methods();

// The arguments in the order of the parameter names; missing where none was given.
// Errors: too many, an unknown name, one given twice, one of the first `required` not given.
Result<std::vector<Value>> parameters(std::string_view function, Arguments& arguments,
                                      std::initializer_list<std::string_view> names, size_t required);
// An int or bool; large ones are clamped to 64 bits.
Result<int64_t> to_integer(std::string_view function, const Value& value);
inline Result<int64_t> to_integer(std::string_view function, const Value& value, int64_t otherwise) {
  return value.missing() ? Result<int64_t>(otherwise) : to_integer(function, value);
}
// A str.
Result<std::string> to_text(std::string_view function, const Value& value);

std::string escaped(std::string_view text);  // &, <, >, ' and " for HTML
// What str.strip does; without `points` white space goes. `left` and `right` choose the sides.
std::string_view trimmed(std::string_view text, const Value& points, bool left, bool right);
std::string replaced(std::string_view text, std::string_view from, std::string_view to, int64_t count);
// The size that `replaced` will have.
size_t replaced_size(std::string_view text, std::string_view from, std::string_view to, int64_t count);
// sep.join(items) where the items are texts already.
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);

// format % arguments, and format.format(...). format.cpp
Result<Value> percent_format(Evaluator& evaluator, const Value& format, const Value& arguments);
Result<Value> brace_format(Evaluator& evaluator, const Value& format, Arguments& arguments);

// number_text.cpp
std::optional<Value> parse_integer(std::string_view text, int64_t base);  // int(text, base)
std::optional<double> parse_real(std::string_view text);                  // float(text)

}  // namespace lorikeet::jinja
