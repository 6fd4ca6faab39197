#include "frontend/chat/parser.h"

#include "frontend/chat/binder.h"

namespace lorikeet::jinja {
namespace {

StmtPtr statement_node(StmtKind kind, int line) {
  auto out = std::make_unique<Stmt>();
  out->kind = kind;
  out->line = line;
  return out;
}

std::string listed(std::initializer_list<std::string_view> names) {
  std::string out;
  for (std::string_view name : names) out += join(out.empty() ? "'" : " or '", name, "'");
  return out;
}

ExprPtr copy_of_target(const Expr& target) {
  auto out = std::make_unique<Expr>();
  out->kind = target.kind;
  out->line = target.line;
  out->depth = target.depth;
  out->name = target.name;
  out->attribute = target.attribute;
  for (const ExprPtr& item : target.items) out->items.push_back(copy_of_target(*item));
  return out;
}

}  // namespace

Result<Template> parse_template(std::string_view source) {
  LK_ASSIGN(std::vector<Token> tokens, tokenize(source));
  Template out;
  LK_ASSIGN(out.body, Parser(std::move(tokens)).parse());
  LK_TRY(bind(out));
  return out;
}

Result<Block> Parser::parse() { return block_content({}, {}); }

// The statements after a tag's %}, up to one of the end tags, which is taken up to its name.
Result<Block> Parser::body(std::initializer_list<std::string_view> ends, std::string_view tag) {
  skip(TokenKind::colon);
  LK_TRY(expect(TokenKind::block_end));
  return block_content(ends, tag);
}

Result<Block> Parser::block_content(std::initializer_list<std::string_view> ends, std::string_view tag) {
  const Nesting level(nesting_);
  if (nesting_ > kMaxNesting) return error("the blocks are nested too deeply.");
  Block out;
  while (!is(TokenKind::end)) {
    const Token token = take();
    if (token.kind == TokenKind::data) {
      auto piece = node(ExprKind::constant, token.line);
      piece->value = Value::text(token.text, true);
      LK_TRY(output(out, std::move(piece)));
    } else if (token.kind == TokenKind::variable_begin) {
      LK_ASSIGN(ExprPtr piece, tuple({}));
      LK_TRY(output(out, std::move(piece)));
      LK_TRY(expect(TokenKind::variable_end));
    } else {
      for (std::string_view end : ends)
        if (is_name(end)) return out;
      LK_TRY(statement(out));
      LK_TRY(expect(TokenKind::block_end));
    }
  }
  if (ends.size()) return error(join("'", tag, "' is not closed: expected ", listed(ends), "."));
  return out;
}

Status Parser::output(Block& out, ExprPtr piece) {
  if (out.empty() || out.back()->kind != StmtKind::output) {
    out.push_back(statement_node(StmtKind::output, piece->line));
    out.back()->escape = escape_;
  }
  out.back()->outputs.push_back(std::move(piece));
  return Done{};
}

Status Parser::statement(Block& out) {
  if (!is(TokenKind::name)) return error(join("expected the name of a tag, found ", describe(current()), "."));
  const Token tag = take();
  LK_ASSIGN(StmtPtr statement, tagged(tag.text, tag.line));
  out.push_back(std::move(statement));
  return Done{};
}

Result<StmtPtr> Parser::tagged(std::string_view tag, int line) {
  if (tag == "for") return for_statement(line);
  if (tag == "if") return if_statement(line);
  if (tag == "set") return set_statement(line);
  if (tag == "macro") return macro_statement(line);
  if (tag == "call") return call_statement(line);
  if (tag == "generation") return generation_statement(line);
  if (tag == "filter") return filter_statement(line);
  if (tag == "with") return with_statement(line);
  if (tag == "autoescape") return autoescape_statement(line);
  if (tag == "block") return block_statement(line);
  if (tag == "print") return print_statement(line);
  if (tag == "break") return loop_control(StmtKind::break_loop, line);
  if (tag == "continue") return loop_control(StmtKind::continue_loop, line);
  if (tag == "extends" || tag == "include" || tag == "import" || tag == "from") return load_statement(tag, line);
  return at_line(line, join("the tag '", tag, "' is unknown or closes nothing here."));
}

Result<StmtPtr> Parser::for_statement(int line) {
  StmtPtr out = statement_node(StmtKind::for_loop, line);
  LK_ASSIGN(out->target, target());
  LK_TRY(expect_name("in"));
  LK_ASSIGN(out->value, tuple({.with_condition = false}));
  if (skip_name("if")) {
    LK_ASSIGN(out->test, expression());
    out->test_target = copy_of_target(*out->target);
  }
  out->recursive = skip_name("recursive");
  const int outer = loops_;
  loops_ = out->recursive ? 1 : outer + 1;
  LK_ASSIGN(out->body, body({"endfor", "else"}, "for"));
  loops_ = out->recursive ? 0 : outer;
  if (take().text == "else") {
    LK_ASSIGN(out->otherwise, body({"endfor"}, "for"));
    take();
  }
  loops_ = outer;
  return out;
}

Result<StmtPtr> Parser::if_statement(int line) {
  StmtPtr out = statement_node(StmtKind::if_chain, line);
  while (true) {
    Branch branch;
    LK_ASSIGN(branch.test, tuple({.with_condition = false}));
    LK_ASSIGN(branch.body, body({"elif", "else", "endif"}, "if"));
    out->branches.push_back(std::move(branch));
    const Token next = take();
    if (next.text == "elif") continue;
    if (next.text == "endif") return out;
    LK_ASSIGN(Block otherwise, body({"endif"}, "if"));
    take();
    out->branches.push_back({nullptr, std::move(otherwise)});
    return out;
  }
}

Result<StmtPtr> Parser::set_statement(int line) {
  StmtPtr out = statement_node(StmtKind::set, line);
  LK_ASSIGN(out->target, target(true));
  if (skip(TokenKind::assign)) {
    LK_ASSIGN(out->value, tuple({}));
    return out;
  }
  out->kind = StmtKind::set_block;
  LK_ASSIGN(out->value, filter_chain(nullptr, false));
  LK_ASSIGN(out->body, body({"endset"}, "set"));
  take();
  return out;
}

Status Parser::signature(Signature& out) {
  LK_TRY(expect(TokenKind::lparen));
  while (!is(TokenKind::rparen)) {
    if (!out.names.empty()) LK_TRY(expect(TokenKind::comma));
    LK_ASSIGN(ExprPtr name, target_name());
    for (const ExprPtr& other : out.names)
      if (other->name == name->name) return error(join("the parameter '", name->name, "' occurs twice."));
    out.names.push_back(std::move(name));
    if (skip(TokenKind::assign)) {
      LK_ASSIGN(ExprPtr value, expression());
      out.defaults.push_back(std::move(value));
    } else if (!out.defaults.empty()) {
      return error("a parameter without a default follows one with a default.");
    }
  }
  LK_TRY(expect(TokenKind::rparen));
  return Done{};
}

// A body that is a function of its own: break and continue do not reach out of it.
Result<Block> Parser::isolated_body(std::string_view end, std::string_view tag) {
  const int outer = loops_;
  loops_ = 0;
  LK_ASSIGN(Block out, body({end}, tag));
  take();
  loops_ = outer;
  return out;
}

Result<StmtPtr> Parser::macro_statement(int line) {
  StmtPtr out = statement_node(StmtKind::macro, line);
  LK_ASSIGN(out->target, target_name());
  out->name = out->target->name;
  LK_TRY(signature(out->signature));
  LK_ASSIGN(out->body, isolated_body("endmacro", "macro"));
  return out;
}

Result<StmtPtr> Parser::call_statement(int line) {
  StmtPtr out = statement_node(StmtKind::call_block, line);
  if (is(TokenKind::lparen)) LK_TRY(signature(out->signature));
  LK_ASSIGN(out->value, expression());
  if (out->value->kind != ExprKind::call) return at_line(line, "'call' needs a call of a macro.");
  LK_ASSIGN(out->body, isolated_body("endcall", "call"));
  return out;
}

// {% generation %} marks what the model wrote; here it only has a scope of its own, like a call block.
Result<StmtPtr> Parser::generation_statement(int line) {
  StmtPtr out = statement_node(StmtKind::call_block, line);
  LK_ASSIGN(out->body, isolated_body("endgeneration", "generation"));
  return out;
}

Result<StmtPtr> Parser::filter_statement(int line) {
  StmtPtr out = statement_node(StmtKind::filter_block, line);
  LK_ASSIGN(out->value, filter_chain(nullptr, true));
  LK_ASSIGN(out->body, body({"endfilter"}, "filter"));
  take();
  return out;
}

Result<StmtPtr> Parser::with_statement(int line) {
  StmtPtr out = statement_node(StmtKind::with, line);
  while (!is(TokenKind::block_end)) {
    if (!out->outputs.empty()) LK_TRY(expect(TokenKind::comma));
    LK_ASSIGN(ExprPtr name, target());
    LK_TRY(expect(TokenKind::assign));
    LK_ASSIGN(ExprPtr value, expression());
    out->outputs.push_back(std::move(name));
    out->values.push_back(std::move(value));
  }
  LK_ASSIGN(out->body, body({"endwith"}, "with"));
  take();
  return out;
}

Result<StmtPtr> Parser::autoescape_statement(int line) {
  StmtPtr out = statement_node(StmtKind::autoescape, line);
  LK_ASSIGN(out->value, expression());
  const Stmt::Escape outer = escape_;
  const bool fixed = out->value->kind == ExprKind::constant;
  escape_ = !fixed ? Stmt::Escape::ask : truth(out->value->value) ? Stmt::Escape::on : Stmt::Escape::off;
  LK_ASSIGN(out->body, body({"endautoescape"}, "autoescape"));
  take();
  escape_ = outer;
  return out;
}

Result<StmtPtr> Parser::block_statement(int line) {
  StmtPtr out = statement_node(StmtKind::block, line);
  LK_ASSIGN(const Token name, expect(TokenKind::name));
  out->name = name.text;
  skip_name("scoped");
  if (is_name("required")) return error("a block that is required needs a template that extends this one.");
  LK_ASSIGN(out->body, isolated_body("endblock", "block"));
  skip_name(out->name);
  return out;
}

Result<StmtPtr> Parser::print_statement(int line) {
  StmtPtr out = statement_node(StmtKind::output, line);
  out->escape = escape_;
  while (!is(TokenKind::block_end)) {
    if (!out->outputs.empty()) LK_TRY(expect(TokenKind::comma));
    LK_ASSIGN(ExprPtr piece, expression());
    out->outputs.push_back(std::move(piece));
  }
  return out;
}

Status Parser::skip_context_clause() {
  const bool clause =
      (is_name("with") || is_name("without")) && ahead().kind == TokenKind::name && ahead().text == "context";
  if (clause) take(), take();
  return Done{};
}

// Other templates: understood, so that a branch that is never taken does no harm, but there are none to load.
Result<StmtPtr> Parser::load_statement(std::string_view tag, int line) {
  StmtPtr out = statement_node(StmtKind::template_load, line);
  out->name = std::string(tag);
  LK_ASSIGN(out->value, expression());
  if (tag == "include" && is_name("ignore") && ahead().text == "missing") take(), take();
  if (tag == "import") {
    LK_TRY(expect_name("as"));
    LK_ASSIGN(ExprPtr name, target_name());
    out->names.push_back(name->name);
  }
  if (tag == "from") {
    LK_TRY(expect_name("import"));
    do {
      LK_ASSIGN(ExprPtr name, target_name());
      if (skip_name("as")) {
        LK_ASSIGN(name, target_name());
      }
      out->names.push_back(name->name);
    } while (skip(TokenKind::comma));
  }
  LK_TRY(skip_context_clause());
  return out;
}

Result<StmtPtr> Parser::loop_control(StmtKind kind, int line) {
  if (loops_ == 0) return at_line(line, "'break' and 'continue' belong inside a loop.");
  return statement_node(kind, line);
}

}  // namespace lorikeet::jinja
