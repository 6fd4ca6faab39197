// The names that one scope of a template knows, and what has to be loaded when it is entered.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "frontend/chat/ast.h"

namespace lorikeet::jinja {

// A body with slots of its own: the template, a macro, a call block, a block, a recursive loop, the filter of a loop.
struct FunctionScope {
  FunctionScope* outer = nullptr;
  std::map<std::pair<int, std::string>, int> slots;  // by level of scope and name

  int slot(int level, const std::string& name) {
    return slots.try_emplace({level, name}, int(slots.size())).first->second;
  }
};

struct Variable {  // one name at one level of one function
  FunctionScope* function = nullptr;
  int index = -1;
  bool operator==(const Variable&) const = default;
};

class Symbols {
 public:
  Symbols(FunctionScope* function, const Symbols* outer)
      : function_(function), outer_(outer), level_(outer ? outer->level_ + 1 : 0) {}

  void load(const std::string& name);       // the name is read
  void store(const std::string& name);      // the name is assigned to
  void parameter(const std::string& name);  // the name is given from outside
  // After the branches of a condition, each analysed on a copy of this scope.
  void merge(const std::vector<Symbols>& branches);

  const Variable* find(const std::string& name) const;
  FunctionScope* function() const { return function_; }

  struct Entry {
    Variable variable;
    enum class From { parameter, context, alias, nothing } from;
    Variable source;
    std::string name;
  };
  const std::map<int, Entry>& entries() const { return entries_; }

 private:
  Variable define(const std::string& name, Entry::From from, Variable source = {});

  FunctionScope* function_;
  const Symbols* outer_;
  int level_;
  std::map<std::string, Variable> names_;
  std::map<int, Entry> entries_;  // by slot
  std::set<std::string> stores_;
};

// Notes what the statements and expressions of a scope do to its names. Scopes inside it are left out.
class SymbolCollector {
 public:
  explicit SymbolCollector(Symbols& symbols) : symbols_(&symbols) {}
  void block(const Block& block);
  void statement(const Stmt& statement);
  void expression(const Expr* expression);
  void target(const Expr& target, bool as_parameter = false);

 private:
  void arguments(const CallArguments& arguments);
  void branches(const Stmt& statement);

  Symbols* symbols_;
};

// Which of `names` the block reads before it assigns them, in the order of the text.
std::set<std::string> undeclared(const Block& block, std::set<std::string> names);

}  // namespace lorikeet::jinja
