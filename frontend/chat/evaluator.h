// Renders a template. Owns all that rendering makes; the template and the variables outlive it.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "frontend/chat/ast.h"
#include "frontend/chat/limits.h"
#include "frontend/chat/loop.h"
#include "frontend/chat/value.h"

namespace lorikeet::jinja {

using Variables = std::unordered_map<std::string, Value>;

class Evaluator {
 public:
  Evaluator(const Template& source, Variables variables, const RenderLimits& limits);
  ~Evaluator();
  Result<std::string> render();

  // For filters, tests, functions and methods. Sizes are charged before they are used.
  const RenderLimits& limits() const { return limits_; }
  Status charge(int64_t steps);
  Status reserve(size_t bytes);               // before a text of this size is made
  Status reserve(size_t count, size_t each);  // the product must not be too large either
  Result<Value> text(std::string bytes, bool markup = false);
  Result<Value> list(std::vector<Value> items);
  Result<Value> tuple(std::vector<Value> items, bool group = false);
  Result<Value> dict(Dict dict);
  Result<Value> iterator(Next next, int depth);
  Value make_namespace(Dict attributes);

  Result<std::string> str(const Value& value);
  Result<bool> same(const Value& a, const Value& b);  // ==
  Result<bool> compared(Comparison op, const Value& a, const Value& b);
  Result<bool> contains(const Value& container, const Value& item);
  Result<Value> combined(Operator op, const Value& a, const Value& b);
  Result<const Value*> find(const Dict& dict, const Value& key);  // null if it is not there

  bool iterable(const Value& value) const;
  Result<Next> iterate(const Value& value);
  Result<std::vector<Value>> collect(const Value& value);
  Result<int64_t> length(const Value& value);

  Result<Value> item(const Value& object, const Value& key);              // object[key]
  Result<Value> attribute(const Value& object, const std::string& name);  // object.name
  Result<Value> slice(const Value& object, const Value& start, const Value& stop, const Value& step);
  Result<Value> call(const Value& callee, Arguments arguments);
  Result<Value> filter(std::string_view name, Arguments arguments);
  Result<bool> test(std::string_view name, Arguments arguments);
  Error raise(const std::string& message);  // an error whose message is shown as it is

 private:
  enum class Flow { normal, break_loop, continue_loop };
  struct Deeper {  // counts a level while it lives
    explicit Deeper(int& level) : level(level) { ++level; }
    ~Deeper() { --level; }
    int& level;
  };
  Status check_depth() const;

  // evaluator_statement.cpp
  Result<Flow> run(const Block& block, Activation& at);
  Result<Flow> run(const Stmt& s, Activation& at);
  Result<Flow> run_output(const Stmt& s, Activation& at);
  Result<Flow> run_if(const Stmt& s, Activation& at);
  Result<Flow> run_for(const Stmt& s, Activation& at);
  Result<Flow> run_set(const Stmt& s, Activation& at);
  Result<Flow> run_set_block(const Stmt& s, Activation& at);
  Result<Flow> run_filter_block(const Stmt& s, Activation& at);
  Result<Flow> run_with(const Stmt& s, Activation& at);
  Result<Flow> run_autoescape(const Stmt& s, Activation& at);
  Result<Flow> run_macro(const Stmt& s, Activation& at);
  Result<Flow> run_call_block(const Stmt& s, Activation& at);
  Result<Flow> run_template_block(const Stmt& s);
  Result<Flow> loop_over(const Stmt& s, const Value& iterable, Activation& at, Activation& test_outer, int depth);
  Result<Flow> loop_body(const Stmt& s, Loop& loop, Activation& at, bool& completed);
  Result<Next> filtered(const Stmt& s, Next source, Activation& outer);
  Result<Flow> captured(const Block& block, Activation& at, std::string& out);
  Result<Value> call_macro(const Macro& macro, Arguments arguments);
  Status bind_parameters(const Stmt& s, Arguments& arguments, Activation& at);
  Result<Value> call_loop(Loop& loop, Arguments arguments);
  Status assign(const Expr& target, const Value& value, Activation& at);
  void enter(const Loads& loads, Activation& at);
  void exit(const Loads& loads, Activation& at);
  void export_names(const Stmt& s, Activation& at);
  Status write(const Value& value, bool escape);
  std::unique_ptr<Activation> activation(int slots, Activation* outer);
  void leave(std::unique_ptr<Activation> done);

  // evaluator_expression.cpp
  Result<Value> evaluate(const Expr& e, Activation& at);
  Result<Value> evaluate_kind(const Expr& e, Activation& at);
  Result<Value> evaluate_name(const Expr& e, Activation& at);
  Result<std::vector<Value>> evaluate_all(const std::vector<ExprPtr>& items, Activation& at);
  Result<Value> evaluate_dict(const Expr& e, Activation& at);
  Result<Value> evaluate_binary(const Expr& e, Activation& at);
  Result<Value> evaluate_logical(const Expr& e, Activation& at);
  Result<Value> evaluate_compare(const Expr& e, Activation& at);
  Result<Value> evaluate_concat(const Expr& e, Activation& at);
  Result<Value> evaluate_condition(const Expr& e, Activation& at);
  Result<Value> evaluate_item(const Expr& e, Activation& at);
  Result<Value> evaluate_call(const Expr& e, Activation& at, const Value* caller = nullptr);
  Result<Value> evaluate_filter(const Expr& e, Activation& at, const Value* input = nullptr);
  Result<Value> evaluate_test(const Expr& e, Activation& at);
  Status evaluate_arguments(const CallArguments& from, Arguments& to, Activation& at);
  Value& slot(const Slot& slot, Activation& at);

  Value lookup(const std::string& name);  // among the variables and globals; missing if there is none
  Result<Value> joined(const Value& a, const Value& b);
  Result<Value> repeated(const Value& items, const Value& count);
  Result<Value> object_attribute(const Value& object, const std::string& name, bool& found);
  Value absent(const Value& object, const Value& name);
  template <class Made>
  Result<Value> admitted(Made value, size_t count);

  const Template& source_;
  Variables variables_;
  Variables exported_;  // what the template has set at its top level
  const RenderLimits limits_;
  int64_t steps_;
  size_t memory_;
  int depth_ = 0;
  int line_ = 1;  // of what is evaluated
  bool autoescape_ = false;
  bool raised_ = false;  // the error comes from raise_exception
  std::string output_;
  std::string* out_ = &output_;
  std::vector<std::unique_ptr<Activation>> kept_;
  std::vector<std::shared_ptr<Namespace>> namespaces_;  // the only values that can form cycles; emptied at the end
};

}  // namespace lorikeet::jinja
