#include <algorithm>
#include <utility>

#include "frontend/chat/builtins.h"
#include "frontend/chat/evaluator.h"
#include "frontend/chat/print.h"

namespace lorikeet::jinja {

std::unique_ptr<Activation> Evaluator::activation(int slots, Activation* outer) {
  auto out = std::make_unique<Activation>();
  out->slots.resize(size_t(slots));
  out->outer = outer;
  return out;
}

// What a macro may still look into lives on.
void Evaluator::leave(std::unique_ptr<Activation> done) {
  if (done->captured) kept_.push_back(std::move(done));
}

void Evaluator::enter(const Loads& loads, Activation& at) {
  for (const Load& load : loads) {
    if (load.from == Load::From::given) continue;
    Value& to = slot(load.slot, at);
    if (load.from == Load::From::context) to = lookup(load.name);
    else if (load.from == Load::From::slot) to = slot(load.source, at);
    else to = Value();
  }
}

void Evaluator::exit(const Loads& loads, Activation& at) {
  for (const Load& load : loads) slot(load.slot, at) = Value();
}

void Evaluator::export_names(const Stmt& s, Activation& at) {
  for (const auto& [name, from] : s.exports) exported_[name] = slot(from, at);
}

Status Evaluator::write(const Value& value, bool escape) {
  LK_TRY(charge(weight(value)));
  if (value.is(Kind::loop)) LK_TRY(value.get<Kind::loop>()->size(*this));
  const size_t before = out_->size();
  if (!append_str(*out_, value, limits_.text)) return fail("the output would be more than ", limits_.text, " bytes.");
  if (!escape || value.markup()) return Done{};
  const std::string safe = escaped(std::string_view(*out_).substr(before));
  out_->replace(before, std::string::npos, safe);
  if (out_->size() > limits_.text) return fail("the output would be more than ", limits_.text, " bytes.");
  return Done{};
}

Result<Evaluator::Flow> Evaluator::run(const Block& block, Activation& at) {
  for (const StmtPtr& s : block) {
    LK_ASSIGN(const Flow flow, run(*s, at));
    if (flow != Flow::normal) return flow;
  }
  return Flow::normal;
}

Result<Evaluator::Flow> Evaluator::run(const Stmt& s, Activation& at) {
  const Deeper level(depth_);
  line_ = s.line;
  LK_TRY(check_depth());
  LK_TRY(charge(1));
  switch (s.kind) {
    case StmtKind::output:
      return run_output(s, at);
    case StmtKind::for_loop:
      return run_for(s, at);
    case StmtKind::if_chain:
      return run_if(s, at);
    case StmtKind::set:
      return run_set(s, at);
    case StmtKind::set_block:
      return run_set_block(s, at);
    case StmtKind::macro:
      return run_macro(s, at);
    case StmtKind::call_block:
      return run_call_block(s, at);
    case StmtKind::filter_block:
      return run_filter_block(s, at);
    case StmtKind::with:
      return run_with(s, at);
    case StmtKind::autoescape:
      return run_autoescape(s, at);
    case StmtKind::block:
      return run_template_block(s);
    case StmtKind::break_loop:
      return Flow::break_loop;
    case StmtKind::continue_loop:
      return Flow::continue_loop;
    case StmtKind::template_load:
      break;
  }
  return fail("'", s.name, "' needs other templates, and there are none.");
}

Result<Evaluator::Flow> Evaluator::run_output(const Stmt& s, Activation& at) {
  const bool escape = s.escape == Stmt::Escape::on || (s.escape == Stmt::Escape::ask && autoescape_);
  for (const ExprPtr& piece : s.outputs) {
    if (piece->kind == ExprKind::constant) {
      LK_TRY(write(piece->value, s.escape == Stmt::Escape::on));
      continue;
    }
    LK_ASSIGN(const Value value, evaluate(*piece, at));
    LK_TRY(write(value, escape));
  }
  return Flow::normal;
}

Result<Evaluator::Flow> Evaluator::run_if(const Stmt& s, Activation& at) {
  for (const Branch& branch : s.branches) {
    if (!branch.test) return run(branch.body, at);
    LK_ASSIGN(const Value test, evaluate(*branch.test, at));
    if (truth(test)) return run(branch.body, at);
  }
  return Flow::normal;
}

Status Evaluator::assign(const Expr& target, const Value& value, Activation& at) {
  if (target.kind == ExprKind::name) return slot(target.slot, at) = value, Done{};
  if (target.kind == ExprKind::ns_attribute) {
    const Value space = slot(target.slot, at);
    if (!space.is(Kind::space)) return fail("'", target.name, "' is no namespace: its attributes cannot be set.");
    LK_TRY(reserve(2 * sizeof(Value)));
    space.get<Kind::space>()->attributes.set(Value::text(target.attribute), value);
    return Done{};
  }
  LK_ASSIGN(const std::vector<Value> items, collect(value));
  if (items.size() != target.items.size())
    return fail("expected ", target.items.size(), " values to unpack, found ", items.size(), ".");
  for (size_t i = 0; i < items.size(); ++i) LK_TRY(assign(*target.items[i], items[i], at));
  return Done{};
}

Result<Evaluator::Flow> Evaluator::run_set(const Stmt& s, Activation& at) {
  LK_ASSIGN(const Value value, evaluate(*s.value, at));
  LK_TRY(assign(*s.target, value, at));
  export_names(s, at);
  return Flow::normal;
}

// Runs a block whose output goes to `out`.
Result<Evaluator::Flow> Evaluator::captured(const Block& block, Activation& at, std::string& out) {
  std::string* const outer = std::exchange(out_, &out);
  auto flow = run(block, at);
  out_ = outer;
  if (flow) LK_TRY(reserve(out.size()));
  return flow;
}

Result<Evaluator::Flow> Evaluator::run_set_block(const Stmt& s, Activation& at) {
  enter(s.loads, at);
  std::string body;
  LK_ASSIGN(const Flow flow, captured(s.body, at, body));
  if (flow != Flow::normal) return flow;
  LK_ASSIGN(Value value, text(std::move(body), autoescape_));
  if (s.value) {
    LK_ASSIGN(value, evaluate_filter(*s.value, at, &value));
  }
  LK_TRY(assign(*s.target, value, at));
  export_names(s, at);
  exit(s.loads, at);
  return Flow::normal;
}

Result<Evaluator::Flow> Evaluator::run_filter_block(const Stmt& s, Activation& at) {
  enter(s.loads, at);
  std::string body;
  LK_ASSIGN(const Flow flow, captured(s.body, at, body));
  if (flow != Flow::normal) return flow;
  LK_ASSIGN(Value value, text(std::move(body), autoescape_));
  LK_ASSIGN(value, evaluate_filter(*s.value, at, &value));
  if (!value.text()) return fail("the block gives a value of type ", type_name(value), ", not a text.");
  LK_TRY(write(value, false));
  exit(s.loads, at);
  return Flow::normal;
}

Result<Evaluator::Flow> Evaluator::run_with(const Stmt& s, Activation& at) {
  enter(s.loads, at);
  for (size_t i = 0; i < s.values.size(); ++i) {
    LK_ASSIGN(const Value value, evaluate(*s.values[i], at));
    LK_TRY(assign(*s.outputs[i], value, at));
  }
  auto flow = run(s.body, at);
  exit(s.loads, at);
  return flow;
}

Result<Evaluator::Flow> Evaluator::run_autoescape(const Stmt& s, Activation& at) {
  enter(s.loads, at);
  LK_ASSIGN(const Value on, evaluate(*s.value, at));
  const bool outer = std::exchange(autoescape_, truth(on));
  auto flow = run(s.body, at);
  autoescape_ = outer;
  exit(s.loads, at);
  return flow;
}

Result<Evaluator::Flow> Evaluator::run_macro(const Stmt& s, Activation& at) {
  for (Activation* a = &at; a; a = a->outer) a->captured = true;
  LK_TRY(reserve(at.slots.size(), sizeof(Value)));
  slot(s.slot, at) = Value::make<Kind::macro>(std::make_shared<const Macro>(Macro{&s, &at}));
  export_names(s, at);
  return Flow::normal;
}

// The body becomes a macro named caller. Without a call ({% generation %}) it just runs.
Result<Evaluator::Flow> Evaluator::run_call_block(const Stmt& s, Activation& at) {
  for (Activation* a = &at; a; a = a->outer) a->captured = true;
  LK_TRY(reserve(at.slots.size(), sizeof(Value)));
  const Value caller = Value::make<Kind::macro>(std::make_shared<const Macro>(Macro{&s, &at}));
  LK_ASSIGN(const Value value, s.value ? evaluate_call(*s.value, at, &caller) : call(caller, {}));
  if (!value.text()) return fail("the block gives a value of type ", type_name(value), ", not a text.");
  LK_TRY(write(value, false));
  return Flow::normal;
}

Result<Evaluator::Flow> Evaluator::run_template_block(const Stmt& s) {
  auto at = activation(s.slots, nullptr);
  enter(s.loads, *at);
  auto flow = run(s.body, *at);
  leave(std::move(at));
  return flow;
}

Result<Evaluator::Flow> Evaluator::run_for(const Stmt& s, Activation& at) {
  LK_ASSIGN(const Value iterable, evaluate(*s.value, at));
  if (!s.recursive) return loop_over(s, iterable, at, at, 0);
  auto own = activation(s.slots, &at);
  auto flow = loop_over(s, iterable, *own, at, 0);
  leave(std::move(own));
  return flow;
}

Result<Evaluator::Flow> Evaluator::loop_over(const Stmt& s, const Value& iterable, Activation& at, Activation& outer,
                                             int depth) {
  auto loop = std::make_shared<Loop>();
  LK_ASSIGN(loop->next, iterate(iterable));
  if (s.test) {
    LK_ASSIGN(loop->next, filtered(s, std::move(loop->next), outer));
  } else if (!iterable.is(Kind::iterator)) {
    LK_ASSIGN(loop->length, length(iterable));
  }
  loop->depth0 = depth;
  loop->statement = &s;
  loop->closure = &outer;
  if (s.uses_loop) slot(s.slot, at) = Value::make<Kind::loop>(loop);
  bool completed = false;
  auto flow = loop_body(s, *loop, at, completed);
  loop->clear();
  exit(s.loads, at);
  if (!flow || completed || s.otherwise.empty()) return flow;
  enter(s.otherwise_loads, at);
  flow = run(s.otherwise, at);
  exit(s.otherwise_loads, at);
  return flow;
}

// Runs the body for each item. `completed` tells whether any run came to its end: only then there is no else.
Result<Evaluator::Flow> Evaluator::loop_body(const Stmt& s, Loop& loop, Activation& at, bool& completed) {
  Value item;
  while (true) {
    if (s.uses_loop) {
      LK_ASSIGN(const bool more, loop.advance(item));
      if (!more) return Flow::normal;
    } else {
      LK_ASSIGN(const bool more, loop.next(item));
      if (!more) return Flow::normal;
    }
    LK_TRY(assign(*s.target, item, at));
    enter(s.loads, at);
    LK_ASSIGN(const Flow flow, run(s.body, at));
    if (flow == Flow::break_loop) return Flow::normal;
    if (flow == Flow::normal) completed = true;
  }
}

// for x in y if test: the test has variables of its own, and is asked when the next item is needed.
Result<Next> Evaluator::filtered(const Stmt& s, Next source, Activation& outer) {
  const auto at = std::make_shared<Activation>();
  at->slots.resize(size_t(s.test_slots));
  at->outer = &outer;
  bool entered = false;
  return Next([this, &s, source = std::move(source), at, entered](Value& out) mutable -> Result<bool> {
    if (!std::exchange(entered, true)) enter(s.test_loads, *at);
    while (true) {
      LK_ASSIGN(const bool more, source(out));
      if (!more) return false;
      LK_TRY(assign(*s.test_target, out, *at));
      LK_ASSIGN(const Value test, evaluate(*s.test, *at));
      if (truth(test)) return true;
    }
  });
}

Result<Value> Evaluator::call_loop(Loop& loop, Arguments arguments) {
  LK_ASSIGN(const std::vector<Value> values, parameters("loop", arguments, {"iterable"}, 1));
  const Stmt& s = *loop.statement;
  if (!s.recursive) return fail("a loop can only be called if it is marked as recursive.");
  auto own = activation(s.slots, loop.closure);
  std::string out;
  std::string* const outer = std::exchange(out_, &out);
  auto flow = loop_over(s, values[0], *own, *loop.closure, loop.depth0 + 1);
  out_ = outer;
  leave(std::move(own));
  if (!flow) return std::move(flow).error();
  return text(std::move(out), autoescape_);
}

// The arguments of a macro, by its rules: what is not a parameter goes to varargs and kwargs, if the body uses them.
Status Evaluator::bind_parameters(const Stmt& s, Arguments& arguments, Activation& at) {
  const Signature& signature = s.signature;
  const size_t count = signature.names.size(), given = std::min(count, arguments.positional.size());
  const std::string title = s.kind == StmtKind::macro ? "the macro '" + s.name + "'" : "the call block";
  auto& keywords = arguments.keywords;
  const auto taken = [&](const std::string& name) {
    const auto found = std::find_if(keywords.begin(), keywords.end(), [&](const auto& k) { return k.first == name; });
    if (found == keywords.end()) return Value();
    Value value = std::move(found->second);
    keywords.erase(found);
    return value;
  };
  bool has_caller = false;
  for (size_t i = 0; i < count; ++i) {
    const std::string& name = signature.names[i]->name;
    has_caller |= name == "caller";
    slot(signature.slots[i], at) = i < given ? std::move(arguments.positional[i]) : taken(name);
  }
  if (signature.uses_caller && !has_caller) {
    Value caller = taken("caller");
    const bool none = caller.missing() || caller.is(Kind::none);
    slot(signature.caller, at) = none ? Value::undefined("there is no caller.") : std::move(caller);
  }
  if (signature.kwargs.index >= 0) {
    Dict rest;
    for (auto& [name, value] : keywords) rest.set(Value::text(name), std::move(value));
    LK_ASSIGN(slot(signature.kwargs, at), dict(std::move(rest)));
  } else if (!keywords.empty()) {
    return fail(title, " has no parameter '", keywords.front().first, "', or it is given twice.");
  }
  if (signature.varargs.index >= 0) {
    auto& all = arguments.positional;
    LK_ASSIGN(slot(signature.varargs, at), tuple(std::vector<Value>(all.begin() + ptrdiff_t(given), all.end())));
  } else if (arguments.positional.size() > count) {
    return fail(title, " takes at most ", count, " arguments, found ", arguments.positional.size(), ".");
  }
  return Done{};
}

Result<Value> Evaluator::call_macro(const Macro& macro, Arguments arguments) {
  const Stmt& s = *macro.statement;
  const Signature& signature = s.signature;
  LK_TRY(charge(s.slots));
  auto at = activation(s.slots, macro.closure);
  LK_TRY(bind_parameters(s, arguments, *at));
  enter(s.loads, *at);
  const size_t first_default = signature.names.size() - signature.defaults.size();
  for (size_t i = 0; i < signature.names.size(); ++i) {
    if (!slot(signature.slots[i], *at).missing()) continue;
    const std::string& name = signature.names[i]->name;
    Value value = Value::undefined(join("the parameter '", name, "' was not given."));
    if (i >= first_default) {
      LK_ASSIGN(value, evaluate(*signature.defaults[i - first_default], *at));
    }
    slot(signature.slots[i], *at) = std::move(value);
  }
  std::string out;
  auto flow = captured(s.body, *at, out);
  leave(std::move(at));
  if (!flow) return std::move(flow).error();
  return text(std::move(out), autoescape_);
}

}  // namespace lorikeet::jinja
