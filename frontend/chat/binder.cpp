#include "frontend/chat/binder.h"

#include "frontend/chat/builtins.h"
#include "frontend/chat/lexer.h"
#include "frontend/chat/symbols.h"

namespace lorikeet::jinja {
namespace {

constexpr size_t kMaxSlots = 1000;  // names in one function

struct Frame {
  Symbols symbols;
  bool toplevel = false;
  bool soft = false;  // in a branch: what does not exist is an error only when it is reached

  Frame inner() const { return {Symbols(symbols.function(), &symbols), false, false}; }
  Frame inner(FunctionScope& function) const { return {Symbols(&function, &symbols), false, false}; }
};

class Binder {
 public:
  Status source(Template& source) {
    FunctionScope function;
    Frame frame{Symbols(&function, nullptr), true, false};
    SymbolCollector(frame.symbols).block(source.body);
    LK_TRY(block(source.body, frame));
    source.loads = loads(frame);
    source.slots = int(function.slots.size());
    return enough(function);
  }

 private:
  static Status enough(const FunctionScope& function) {
    if (function.slots.size() > kMaxSlots)
      return invalid(join("[chat template] there are more than ", kMaxSlots, " variables."));
    return Done{};
  }

  static Slot slot(const Variable& variable, const Frame& frame) {
    Slot out{0, variable.index};
    for (const FunctionScope* f = frame.symbols.function(); f && f != variable.function; f = f->outer) ++out.hops;
    return out;
  }

  static Slot slot(const std::string& name, const Frame& frame) { return slot(*frame.symbols.find(name), frame); }

  static Loads loads(const Frame& frame) {
    using From = Symbols::Entry::From;
    Loads out;
    for (const auto& [index, entry] : frame.symbols.entries()) {
      const Slot to{0, index};
      if (entry.from == From::context) out.push_back({Load::From::context, to, {}, entry.name});
      if (entry.from == From::alias) out.push_back({Load::From::slot, to, slot(entry.source, frame), {}});
      if (entry.from == From::parameter) out.push_back({Load::From::given, to, {}, {}});
      if (entry.from == From::nothing) out.push_back({Load::From::nothing, to, {}, {}});
    }
    return out;
  }

  Status block(Block& block, const Frame& frame) {
    for (StmtPtr& s : block) LK_TRY(statement(*s, frame));
    return Done{};
  }

  Status statement(Stmt& s, const Frame& frame) {
    switch (s.kind) {
      case StmtKind::output:
        for (ExprPtr& piece : s.outputs) LK_TRY(expression(piece.get(), frame));
        return Done{};
      case StmtKind::for_loop:
        return loop(s, frame);
      case StmtKind::if_chain:
        return branches(s, frame);
      case StmtKind::set:
        LK_TRY(expression(s.value.get(), frame));
        return assigned(s, frame);
      case StmtKind::set_block: {
        Frame inside = frame.inner();
        SymbolCollector(inside.symbols).block(s.body);
        LK_TRY(scope(s, inside));
        LK_TRY(expression(s.value.get(), inside));
        return assigned(s, frame);
      }
      case StmtKind::filter_block: {
        Frame inside = frame.inner();
        SymbolCollector collector(inside.symbols);
        collector.block(s.body);
        collector.expression(s.value.get());
        LK_TRY(scope(s, inside));
        return expression(s.value.get(), inside);
      }
      case StmtKind::autoescape: {
        Frame inside = frame.inner();
        SymbolCollector collector(inside.symbols);
        collector.expression(s.value.get());
        collector.block(s.body);
        LK_TRY(expression(s.value.get(), inside));
        return scope(s, inside);
      }
      case StmtKind::with:
        return with(s, frame);
      case StmtKind::macro:
        LK_TRY(macro(s, frame));
        s.slot = slot(s.name, frame);
        if (frame.toplevel) s.exports.emplace_back(s.name, s.slot);
        return Done{};
      case StmtKind::call_block:
        LK_TRY(expression(s.value.get(), frame));
        return macro(s, frame);
      case StmtKind::block:
        return template_block(s);
      case StmtKind::template_load:
        return expression(s.value.get(), frame);
      default:
        return Done{};
    }
  }

  // The body of a statement whose scope `inside` has been analysed.
  Status scope(Stmt& s, const Frame& inside) {
    LK_TRY(block(s.body, inside));
    s.loads = loads(inside);
    return Done{};
  }

  Status branches(Stmt& s, const Frame& frame) {
    Frame soft = frame;
    soft.soft = true;
    for (Branch& branch : s.branches) {
      LK_TRY(expression(branch.test.get(), soft));
      LK_TRY(block(branch.body, soft));
    }
    return Done{};
  }

  Status assigned(Stmt& s, const Frame& frame) {
    LK_TRY(target(*s.target, frame));
    if (frame.toplevel) exports(*s.target, frame, s);
    return Done{};
  }

  static void exports(const Expr& target, const Frame& frame, Stmt& s) {
    if (target.kind == ExprKind::name) s.exports.emplace_back(target.name, slot(target.name, frame));
    for (const ExprPtr& item : target.items) exports(*item, frame, s);
  }

  Status target(Expr& target, const Frame& frame) {
    if (target.kind == ExprKind::name && target.name == "loop" && loops_ > 0)
      return at_line(target.line, "'loop' cannot be assigned to inside a loop.");
    if (target.kind == ExprKind::name || target.kind == ExprKind::ns_attribute) target.slot = slot(target.name, frame);
    for (ExprPtr& item : target.items) LK_TRY(this->target(*item, frame));
    return Done{};
  }

  Status loop(Stmt& s, const Frame& frame) {
    ++loops_;
    FunctionScope own;
    own.outer = frame.symbols.function();
    Frame body = s.recursive ? frame.inner(own) : frame.inner();
    Frame otherwise = s.recursive ? frame.inner(own) : frame.inner();
    s.uses_loop = s.recursive || !undeclared(s.body, {"loop"}).empty();
    if (s.uses_loop) body.symbols.parameter("loop");
    SymbolCollector collector(body.symbols);
    collector.target(*s.target, true);
    collector.block(s.body);
    SymbolCollector(otherwise.symbols).block(s.otherwise);
    if (s.test) LK_TRY(loop_test(s, frame));
    LK_TRY(expression(s.value.get(), frame));
    LK_TRY(target(*s.target, body));
    if (s.uses_loop) s.slot = slot("loop", body);
    LK_TRY(scope(s, body));
    LK_TRY(block(s.otherwise, otherwise));
    s.otherwise_loads = loads(otherwise);
    s.slots = int(own.slots.size());
    --loops_;
    return enough(own);
  }

  Status loop_test(Stmt& s, const Frame& frame) {
    FunctionScope own;
    own.outer = frame.symbols.function();
    Frame inside = frame.inner(own);
    SymbolCollector collector(inside.symbols);
    collector.target(*s.test_target, true);
    collector.expression(s.test.get());
    LK_TRY(target(*s.test_target, inside));
    LK_TRY(expression(s.test.get(), inside));
    s.test_loads = loads(inside);
    s.test_slots = int(own.slots.size());
    return Done{};
  }

  Status with(Stmt& s, const Frame& frame) {
    Frame inside = frame.inner();
    SymbolCollector collector(inside.symbols);
    for (const ExprPtr& name : s.outputs) collector.target(*name, true);
    collector.block(s.body);
    for (ExprPtr& name : s.outputs) bind_parameters(*name, inside);
    for (ExprPtr& value : s.values) LK_TRY(expression(value.get(), frame));
    return scope(s, inside);
  }

  static void bind_parameters(Expr& target, const Frame& frame) {
    if (target.kind == ExprKind::name) target.slot = slot(target.name, frame);
    for (ExprPtr& item : target.items) bind_parameters(*item, frame);
  }

  // A macro or the body of a call block: a function with parameters, and the special names that it uses.
  Status macro(Stmt& s, const Frame& frame) {
    Signature& signature = s.signature;
    FunctionScope own;
    own.outer = frame.symbols.function();
    Frame inside = frame.inner(own);
    const auto analyse = [&] {
      SymbolCollector collector(inside.symbols);
      for (const ExprPtr& name : signature.names) collector.target(*name, true);
      for (const ExprPtr& value : signature.defaults) collector.expression(value.get());
      collector.block(s.body);
    };
    analyse();
    std::set<std::string> special = undeclared(s.body, {"caller", "kwargs", "varargs"});
    signature.uses_caller = special.count("caller") > 0;
    for (size_t i = 0; i < signature.names.size(); ++i) {
      const std::string& name = signature.names[i]->name;
      if (name == "caller" && special.count(name) && i + signature.defaults.size() < signature.names.size())
        return at_line(s.line, "the parameter 'caller' needs a default.");
      special.erase(name);
    }
    const auto declare = [&](const char* name) {
      if (!special.count(name)) return Slot{};
      inside.symbols.parameter(name);
      return slot(name, inside);
    };
    signature.caller = declare("caller");
    signature.kwargs = declare("kwargs");
    signature.varargs = declare("varargs");
    analyse();
    for (ExprPtr& name : signature.names) signature.slots.push_back(slot(name->name, inside));
    for (ExprPtr& value : signature.defaults) LK_TRY(expression(value.get(), inside));
    LK_TRY(scope(s, inside));
    s.slots = int(own.slots.size());
    return enough(own);
  }

  // A block knows the variables of the whole template, not the scopes around it.
  Status template_block(Stmt& s) {
    if (!blocks_.insert(s.name).second) return at_line(s.line, join("the block '", s.name, "' is defined twice."));
    FunctionScope own;
    Frame inside{Symbols(&own, nullptr), false, false};
    SymbolCollector(inside.symbols).block(s.body);
    LK_TRY(scope(s, inside));
    s.slots = int(own.slots.size());
    return enough(own);
  }

  Status expression(Expr* e, const Frame& frame) { return e ? expression(*e, frame, frame.soft) : Status(Done{}); }

  Status expression(Expr& e, const Frame& frame, bool soft) {
    if (e.kind == ExprKind::name) e.slot = slot(e.name, frame);
    if (!soft && e.kind == ExprKind::filter && !find_filter(e.name))
      return at_line(e.line, join("there is no filter '", e.name, "'."));
    if (!soft && e.kind == ExprKind::test && !find_test(e.name))
      return at_line(e.line, join("there is no test '", e.name, "'."));
    const bool inner_soft = soft || e.kind == ExprKind::condition;
    for (ExprPtr& item : e.items)
      if (item) LK_TRY(expression(*item, frame, inner_soft));
    if (!e.arguments) return Done{};
    CallArguments& arguments = *e.arguments;
    for (ExprPtr& value : arguments.positional) LK_TRY(expression(*value, frame, inner_soft));
    for (auto& [name, value] : arguments.keywords) LK_TRY(expression(*value, frame, inner_soft));
    if (arguments.star) LK_TRY(expression(*arguments.star, frame, inner_soft));
    if (arguments.star_star) LK_TRY(expression(*arguments.star_star, frame, inner_soft));
    return Done{};
  }

  int loops_ = 0;  // around the current statement, macros in between or not
  std::set<std::string> blocks_;
};

}  // namespace

Status bind(Template& source) { return Binder().source(source); }

}  // namespace lorikeet::jinja
