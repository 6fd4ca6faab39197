#include "frontend/chat/symbols.h"

namespace lorikeet::jinja {

Variable Symbols::define(const std::string& name, Entry::From from, Variable source) {
  const Variable variable{function_, function_->slot(level_, name)};
  names_[name] = variable;
  entries_[variable.index] = {variable, from, source, name};
  return variable;
}

const Variable* Symbols::find(const std::string& name) const {
  if (const auto found = names_.find(name); found != names_.end()) return &found->second;
  return outer_ ? outer_->find(name) : nullptr;
}

void Symbols::load(const std::string& name) {
  if (!find(name)) define(name, Entry::From::context);
}

void Symbols::store(const std::string& name) {
  stores_.insert(name);
  if (names_.count(name)) return;
  const Variable* outside = outer_ ? outer_->find(name) : nullptr;
  if (outside) define(name, Entry::From::alias, *outside);
  else define(name, Entry::From::nothing);
}

void Symbols::parameter(const std::string& name) {
  stores_.insert(name);
  define(name, Entry::From::parameter);
}

void Symbols::merge(const std::vector<Symbols>& branches) {
  std::set<std::string> stored;
  for (const Symbols& branch : branches) stored.insert(branch.stores_.begin(), branch.stores_.end());
  for (const std::string& name : stores_) stored.erase(name);
  for (const Symbols& branch : branches) {
    for (const auto& [name, variable] : branch.names_) names_[name] = variable;
    for (const auto& [slot, entry] : branch.entries_) entries_[slot] = entry;
    stores_.insert(branch.stores_.begin(), branch.stores_.end());
  }
  // Stored in one branch only: before that, the name means what it means outside.
  for (const std::string& name : stored) {
    const Variable variable = *find(name);
    const Variable* outside = outer_ ? outer_->find(name) : nullptr;
    if (outside) entries_[variable.index] = {variable, Entry::From::alias, *outside, name};
    else entries_[variable.index] = {variable, Entry::From::context, {}, name};
  }
}

void SymbolCollector::block(const Block& block) {
  for (const StmtPtr& statement : block) this->statement(*statement);
}

void SymbolCollector::statement(const Stmt& s) {
  switch (s.kind) {
    case StmtKind::output:
      for (const ExprPtr& piece : s.outputs) expression(piece.get());
      return;
    case StmtKind::for_loop:
    case StmtKind::filter_block:
      return expression(s.value.get());
    case StmtKind::call_block:
      return expression(s.value.get());
    case StmtKind::if_chain:
      return branches(s);
    case StmtKind::set:
      expression(s.value.get());
      return target(*s.target);
    case StmtKind::set_block:
      expression(s.value.get());
      return target(*s.target);
    case StmtKind::macro:
      return symbols_->store(s.name);
    case StmtKind::with:
      for (const ExprPtr& value : s.values) expression(value.get());
      return;
    case StmtKind::template_load:
      expression(s.value.get());
      for (const std::string& name : s.names) symbols_->store(name);
      return;
    default:
      return;
  }
}

// if a ... elif b ... else: every branch is analysed on a copy of the scope, then they are merged; an elif is a
// condition within the elif part.
void SymbolCollector::branches(const Stmt& s) {
  Symbols& scope = *symbols_;
  const auto analysed = [&](auto&& visit) {
    Symbols copy = scope;
    symbols_ = &copy;
    visit();
    symbols_ = &scope;
    return copy;
  };
  expression(s.branches[0].test.get());
  std::vector<Symbols> copies;
  copies.push_back(analysed([&] { block(s.branches[0].body); }));
  copies.push_back(analysed([&] {
    for (size_t i = 1; i < s.branches.size() && s.branches[i].test; ++i) {
      Symbols& inner = *symbols_;
      expression(s.branches[i].test.get());
      Symbols copy = inner;
      symbols_ = &copy;
      block(s.branches[i].body);
      symbols_ = &inner;
      inner.merge({std::move(copy)});
    }
  }));
  copies.push_back(analysed([&] {
    if (!s.branches.back().test) block(s.branches.back().body);
  }));
  scope.merge(copies);
}

void SymbolCollector::target(const Expr& target, bool as_parameter) {
  if (target.kind == ExprKind::name) {
    if (as_parameter) symbols_->parameter(target.name);
    else symbols_->store(target.name);
  } else if (target.kind == ExprKind::ns_attribute) {
    symbols_->load(target.name);
  } else {
    for (const ExprPtr& item : target.items) this->target(*item, as_parameter);
  }
}

void SymbolCollector::arguments(const CallArguments& arguments) {
  for (const ExprPtr& value : arguments.positional) expression(value.get());
  for (const auto& [name, value] : arguments.keywords) expression(value.get());
  expression(arguments.star.get());
  expression(arguments.star_star.get());
}

void SymbolCollector::expression(const Expr* e) {
  if (!e) return;
  if (e->kind == ExprKind::name) symbols_->load(e->name);
  for (const ExprPtr& item : e->items) expression(item.get());
  if (e->arguments) arguments(*e->arguments);
}

namespace {

// Walks everything, in the order of the text, scopes inside included.
class NameWalk {
 public:
  explicit NameWalk(std::set<std::string> names) : names_(std::move(names)) {}

  void block(const Block& block) {
    for (const StmtPtr& s : block) statement(*s);
  }

  std::set<std::string> found;

 private:
  void stored(const Expr& target) {
    if (target.kind == ExprKind::name) names_.erase(target.name);
    for (const ExprPtr& item : target.items) stored(*item);
  }

  void read(const Expr* e) {
    if (!e) return;
    if (e->kind == ExprKind::name && names_.count(e->name)) found.insert(e->name);
    for (const ExprPtr& item : e->items) read(item.get());
    if (!e->arguments) return;
    for (const ExprPtr& value : e->arguments->positional) read(value.get());
    for (const auto& [name, value] : e->arguments->keywords) read(value.get());
    read(e->arguments->star.get());
    read(e->arguments->star_star.get());
  }

  void statement(const Stmt& s) {
    if (s.kind == StmtKind::block) return;
    if (s.kind == StmtKind::call_block) read(s.value.get());
    for (const ExprPtr& name : s.signature.names) stored(*name);
    for (const ExprPtr& value : s.signature.defaults) read(value.get());
    if (s.kind == StmtKind::with)
      for (const ExprPtr& name : s.outputs) stored(*name);
    else
      for (const ExprPtr& piece : s.outputs) read(piece.get());
    if (s.target && s.kind != StmtKind::macro) stored(*s.target);
    for (const ExprPtr& value : s.values) read(value.get());
    if (s.kind != StmtKind::call_block) read(s.value.get());
    for (const Branch& branch : s.branches) {
      read(branch.test.get());
      block(branch.body);
    }
    block(s.body);
    block(s.otherwise);
    read(s.test.get());
  }

  std::set<std::string> names_;
};

}  // namespace

std::set<std::string> undeclared(const Block& block, std::set<std::string> names) {
  NameWalk walk(std::move(names));
  walk.block(block);
  return walk.found;
}

}  // namespace lorikeet::jinja
