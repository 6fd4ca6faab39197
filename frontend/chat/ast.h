// The syntax tree of a template. Names are bound to slots by binder.h before anything is evaluated.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "frontend/chat/operators.h"
#include "frontend/chat/value.h"

namespace lorikeet::jinja {

struct Expr;
struct Stmt;
using ExprPtr = std::unique_ptr<Expr>;
using StmtPtr = std::unique_ptr<Stmt>;
using Block = std::vector<StmtPtr>;

// A variable's place: a slot of the activation that is `hops` functions further out.
struct Slot {
  int hops = 0;
  int index = -1;
};

// What happens to the slots of a scope when it is entered; all are emptied when it is left.
struct Load {
  enum class From { context, slot, nothing, given };  // given: set by the statement itself
  From from;
  Slot slot;
  Slot source;       // for `slot`
  std::string name;  // for `context`
};
using Loads = std::vector<Load>;

struct CallArguments {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> keywords;
  ExprPtr star, star_star;  // may be null
};

enum class ExprKind {
  constant,
  name,
  ns_attribute,
  list,
  tuple,
  dict,  // dict: key, value, key, value ...
  negative,
  positive,
  logical_not,
  binary,
  logical_and,
  logical_or,
  compare,
  concat,
  condition,  // items: test, then, otherwise (may be missing)
  attribute,
  item,
  slice,
  call,
  filter,
  test  // item: object, key; slice: start, stop, step (may be null)
};

struct Expr {
  ExprKind kind;
  int line = 1;
  int depth = 1;                // of the tree below
  std::string name;             // name, ns_attribute (the namespace), attribute, filter, test
  std::string attribute;        // ns_attribute
  Value value;                  // constant
  std::vector<ExprPtr> items;   // operands; of a filter none if it is applied to a block
  Operator op = Operator::add;  // binary
  std::vector<Comparison> comparisons;
  std::unique_ptr<CallArguments> arguments;
  Slot slot;  // name, ns_attribute
};

// A macro's or call block's parameters, and what its body makes of the special ones.
struct Signature {
  std::vector<ExprPtr> names;
  std::vector<ExprPtr> defaults;  // of the last names
  std::vector<Slot> slots;        // of the names
  Slot caller, varargs, kwargs;   // index -1 if not used
  bool uses_caller = false;
};

enum class StmtKind {
  output,
  for_loop,
  if_chain,
  set,
  set_block,
  macro,
  call_block,
  filter_block,
  with,
  autoescape,
  block,
  break_loop,
  continue_loop,
  template_load
};

struct Branch {
  ExprPtr test;  // null for else
  Block body;
};

struct Stmt {
  StmtKind kind;
  int line = 1;
  std::string name;                // macro, block, the tag of template_load
  ExprPtr target;                  // for, set, set_block
  ExprPtr value;                   // for: what is walked; set; call; filter; autoescape; template_load
  ExprPtr test;                    // for: the filter
  ExprPtr test_target;             // for: the target once more, in the filter's own scope
  std::vector<ExprPtr> outputs;    // output; with: targets
  std::vector<ExprPtr> values;     // with
  std::vector<Branch> branches;    // if
  std::vector<std::string> names;  // template_load: what it would define
  Block body, otherwise;
  Signature signature;  // macro, call_block
  bool recursive = false, uses_loop = false;
  enum class Escape { off, on, ask } escape = Escape::off;  // of output: fixed by the text, or known when it runs

  // Filled by the binder.
  Slot slot;  // macro: its name; for: loop
  Loads loads, otherwise_loads, test_loads;
  int slots = 0, test_slots = 0;                      // of the function that the statement is, if it is one
  std::vector<std::pair<std::string, Slot>> exports;  // variables of the whole template that it sets, for blocks
};

struct Template {
  Block body;
  Loads loads;
  int slots = 0;
};

}  // namespace lorikeet::jinja
