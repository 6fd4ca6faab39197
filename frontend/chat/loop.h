// What exists only while a template is rendered: loops, and macros with the variables around them.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "frontend/chat/ast.h"
#include "frontend/chat/value.h"

namespace lorikeet::jinja {

// The variables of one run of a function. The evaluator owns those that a macro may still look into.
struct Activation {
  std::vector<Value> slots;
  Activation* outer = nullptr;
  bool captured = false;
};

struct Macro {
  const Stmt* statement;  // macro or call_block
  Activation* closure;
};

std::string macro_title(const Macro& macro);  // as repr shows it

// The variable `loop`.
struct Loop {
  Next next;
  bool ended = false;
  std::optional<Value> after;  // looked at already
  Value current, before;
  int64_t index0 = -1;
  std::optional<int64_t> length;
  int depth0 = 0;
  std::optional<std::vector<Value>> changed;  // the last arguments of changed()
  const Stmt* statement = nullptr;
  Activation* closure = nullptr;

  Result<bool> advance(Value& item);  // to the next item; false at the end
  Result<bool> has_next();
  Result<int64_t> size(Evaluator& evaluator);  // walks to the end if the size is not known
  void clear();                                // after the loop: lets go of its values
};

}  // namespace lorikeet::jinja
