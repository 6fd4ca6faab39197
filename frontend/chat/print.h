// How values look as text: Python's str() and repr(), and JSON.
#pragma once

#include <string>

#include "frontend/chat/value.h"

namespace lorikeet::jinja {

// Appends to `out` what str(value) or repr(value) gives. False, with an unfinished text, as soon as `out` would exceed
// `limit` bytes.
bool append_str(std::string& out, const Value& value, size_t limit);
bool append_repr(std::string& out, const Value& value, size_t limit);
// As pprint.pformat: keys sorted, broken into lines of 80 characters.
bool append_pretty(std::string& out, const Value& value, size_t limit);

std::string real_text(double value);                            // the shortest text that reads back as the same value
std::string quoted(std::string_view text, bool ascii = false);  // repr of a str

struct JsonStyle {  // the arguments of json.dumps
  bool ascii = false;
  bool sort_keys = false;
  bool indented = false;
  std::string indent;  // one level
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};
// Errors: a value that JSON does not have (undefined, a range, a function), a text beyond `limit` bytes.
Status append_json(std::string& out, const Value& value, const JsonStyle& style, size_t limit);

}  // namespace lorikeet::jinja
