#include "frontend/text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>

#include "frontend/text/utf8.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr size_t kLongestPattern = 64 * 1024;
constexpr uint32_t kBaseSteps = 100'000;  // steps for one match, besides kStepsPerByte for each byte of the text
constexpr uint64_t kStepsPerByte = 16;
constexpr uint32_t kHeapKibibytes = 128 * 1024;  // for backtracking
constexpr size_t kJitStack = 4 * 1024 * 1024;

std::string library_message(int code) {
  PCRE2_UCHAR buffer[256] = {};
  pcre2_get_error_message(code, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

std::string shortened(std::string_view text) {
  return text.size() <= 200 ? std::string(text) : replace_invalid_utf8(text.substr(0, 200)) + "...";
}

}  // namespace

struct Regex::Impl {
  pcre2_code* code = nullptr;
  std::string pattern;
  ~Impl() { pcre2_code_free(code); }
};

Regex::Regex(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::compile(std::string_view pattern) {
  if (pattern.size() > kLongestPattern)
    return unsupported(
        join("[regex] a pattern may have ", kLongestPattern, " bytes, this one has ", pattern.size(), "."));
  if (!is_valid_utf8(pattern)) return corrupt("[regex] the pattern is not valid UTF-8.");
  LK_ASSIGN(const std::string translated, translate_regex(pattern));
  auto impl = std::make_unique<Impl>();
  impl->pattern = pattern;
  const std::unique_ptr<pcre2_compile_context, decltype(&pcre2_compile_context_free)> context(
      pcre2_compile_context_create(nullptr), pcre2_compile_context_free);
  if (!context) return Error{ErrorCode::out_of_memory, "[regex] no memory to compile a pattern.", {}};
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_set_bsr(context.get(), PCRE2_BSR_UNICODE);
  int code = 0;
  PCRE2_SIZE offset = 0;
  impl->code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &code, &offset, context.get());
  if (!impl->code)
    return corrupt(
        join("[regex] the pattern \"", shortened(pattern), "\" does not compile: ", library_message(code), "."));
  pcre2_jit_compile(impl->code, PCRE2_JIT_COMPLETE);  // where it is not available, the interpreter runs
  return Regex(std::move(impl));
}

struct Regex::Scanner::Impl {
  const Regex::Impl* regex = nullptr;
  pcre2_match_data* data = nullptr;
  pcre2_match_context* context = nullptr;
  pcre2_jit_stack* stack = nullptr;
  ~Impl() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    pcre2_jit_stack_free(stack);
  }
};

Regex::Scanner::Scanner(const Regex& regex) : impl_(std::make_unique<Impl>()) {
  impl_->regex = regex.impl_.get();
  impl_->data = pcre2_match_data_create(1, nullptr);
  impl_->context = pcre2_match_context_create(nullptr);
}
Regex::Scanner::~Scanner() = default;

Result<bool> Regex::Scanner::find(std::string_view text, size_t from, TextRange& match) {
  Impl& it = *impl_;
  const auto run = [&](uint32_t options) {
    return pcre2_match(it.regex->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                       options | PCRE2_NO_UTF_CHECK, it.data, it.context);
  };
  int code = run(0);
  if (code == PCRE2_ERROR_JIT_STACKLIMIT && !it.stack) {
    it.stack = pcre2_jit_stack_create(32 * 1024, kJitStack, nullptr);
    if (it.stack) pcre2_jit_stack_assign(it.context, nullptr, it.stack);
    code = run(0);
  }
  if (code == PCRE2_ERROR_JIT_STACKLIMIT) code = run(PCRE2_NO_JIT);
  if (code == PCRE2_ERROR_NOMATCH) return false;
  if (code < 0)
    return unsupported(
        join("[regex] the pattern \"", shortened(it.regex->pattern), "\" gave up: ", library_message(code), "."));
  const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(it.data);
  match = {offsets[0], offsets[1]};
  if (match.begin < from || match.end < match.begin || match.end > text.size())
    return unsupported(join("[regex] the pattern \"", shortened(it.regex->pattern), "\" matches backwards."));
  return true;
}

Status Regex::Scanner::find_all(std::string_view text, std::vector<TextRange>& matches) {
  matches.clear();
  if (!impl_->data || !impl_->context) return Error{ErrorCode::out_of_memory, "[regex] no memory to match.", {}};
  const uint64_t steps = std::min<uint64_t>(UINT32_MAX, kBaseSteps + kStepsPerByte * text.size());
  pcre2_set_match_limit(impl_->context, uint32_t(steps));
  pcre2_set_heap_limit(impl_->context, kHeapKibibytes);
  for (size_t from = 0; from <= text.size();) {
    TextRange match;
    LK_ASSIGN(const bool found, find(text, from, match));
    if (!found) break;
    const bool empty = match.begin == match.end;
    if (empty && !matches.empty() && matches.back().end == match.end) {
      if (match.end >= text.size()) break;
      from = match.end + utf8_length(text[match.end]);
      continue;
    }
    matches.push_back(match);
    from = match.end;
  }
  return Done{};
}

}  // namespace lorikeet
