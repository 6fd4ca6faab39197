// Tokens to a syntax tree, by the grammar of Jinja2 3.1 with loop controls and {% generation %}.
#pragma once

#include <algorithm>
#include <string_view>

#include "frontend/chat/ast.h"
#include "frontend/chat/lexer.h"

namespace lorikeet::jinja {

// Errors say the line and what was expected. Nesting beyond what any template needs is refused.
Result<Template> parse_template(std::string_view source);

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
  Result<Block> parse();

 private:
  static constexpr int kMaxNesting = 100;  // of brackets and blocks
  static constexpr int kMaxDepth = 250;    // of chains such as a + b + c ...

  // parser.cpp: statements
  Result<Block> body(std::initializer_list<std::string_view> ends, std::string_view tag);
  Result<Block> block_content(std::initializer_list<std::string_view> ends, std::string_view tag);
  Status statement(Block& out);
  Result<StmtPtr> tagged(std::string_view tag, int line);
  Result<StmtPtr> for_statement(int line);
  Result<StmtPtr> if_statement(int line);
  Result<StmtPtr> set_statement(int line);
  Result<StmtPtr> macro_statement(int line);
  Result<StmtPtr> call_statement(int line);
  Result<StmtPtr> generation_statement(int line);
  Result<StmtPtr> filter_statement(int line);
  Result<StmtPtr> with_statement(int line);
  Result<StmtPtr> autoescape_statement(int line);
  Result<StmtPtr> block_statement(int line);
  Result<StmtPtr> print_statement(int line);
  Result<StmtPtr> load_statement(std::string_view tag, int line);
  Result<StmtPtr> loop_control(StmtKind kind, int line);
  Status signature(Signature& out);
  Status skip_context_clause();
  Result<Block> isolated_body(std::string_view end, std::string_view tag);
  Status output(Block& out, ExprPtr piece);

  // parser_expression.cpp
  Result<ExprPtr> expression(bool with_condition = true);
  Result<ExprPtr> condition();
  Result<ExprPtr> or_expression();
  Result<ExprPtr> and_expression();
  Result<ExprPtr> not_expression();
  Result<ExprPtr> comparison();
  Result<ExprPtr> sum();
  Result<ExprPtr> concatenation();
  Result<ExprPtr> product();
  Result<ExprPtr> power();
  Result<ExprPtr> unary(bool with_filter = true);

  // parser_primary.cpp
  Result<ExprPtr> primary(bool with_namespace = false);
  Result<ExprPtr> list_literal();
  Result<ExprPtr> dict_literal();
  Result<ExprPtr> postfix(ExprPtr node);
  Result<ExprPtr> filtered(ExprPtr node);
  Result<ExprPtr> subscript(ExprPtr node);
  Result<ExprPtr> subscripted();
  Result<ExprPtr> call(ExprPtr node);
  Status call_arguments(Expr& call);
  Result<ExprPtr> filter_chain(ExprPtr node, bool inline_start);
  Result<ExprPtr> test(ExprPtr node);
  struct TupleRules {
    bool simplified = false, with_condition = true, parentheses = false, with_namespace = false;
  };
  Result<ExprPtr> tuple(const TupleRules& rules);
  Result<ExprPtr> target(bool with_namespace = false);
  Result<ExprPtr> target_name();

  // Tokens.
  const Token& current() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  bool is(TokenKind kind) const { return current().kind == kind; }
  bool is_name(std::string_view name) const { return is(TokenKind::name) && current().text == name; }
  Token take() { return at_ + 1 < tokens_.size() ? tokens_[at_++] : tokens_[at_]; }
  bool skip(TokenKind kind) { return is(kind) ? (take(), true) : false; }
  bool skip_name(std::string_view name) { return is_name(name) ? (take(), true) : false; }
  Result<Token> expect(TokenKind kind);
  Status expect_name(std::string_view name);
  Error error(const std::string& message) const { return at_line(current().line, message); }

  ExprPtr node(ExprKind kind, int line) const;
  Result<ExprPtr> add(ExprPtr parent, ExprPtr child) const;  // appends an operand and checks the depth
  Result<ExprPtr> pair(ExprKind kind, int line, ExprPtr left, ExprPtr right) const;

  struct Nesting {  // counts a level while it lives
    explicit Nesting(int& level) : level(level) { ++level; }
    ~Nesting() { --level; }
    int& level;
  };

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int nesting_ = 0;
  int loops_ = 0;  // around the current statement, in the same function
  Stmt::Escape escape_ = Stmt::Escape::off;
};

std::string describe(const Token& token);
std::string_view describe(TokenKind kind);

}  // namespace lorikeet::jinja
