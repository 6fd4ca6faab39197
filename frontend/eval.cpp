#include "frontend/eval.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "frontend/text/tokenizer.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

// The BOS that the tokenizer writes in front of texts, if it does.
std::optional<int32_t> leading_bos(const Model& model) {
  if (!model.tokenizer()) return std::nullopt;
  const auto& bos = model.tokenizer()->special().bos.id;
  const auto ids = model.tokenizer()->encode("a", {.parse_special = false, .add_special = true});
  if (!bos || !ids || ids->empty() || ids->front() != *bos) return std::nullopt;
  return bos;
}

// Sums in the order of the text.
struct Sums {
  double nll = 0, squares = 0;
  uint64_t count = 0;

  void add(float log_prob) {
    nll -= log_prob;
    squares += double(log_prob) * log_prob;
    ++count;
  }
  double mean() const { return nll / double(count); }
  double perplexity() const { return std::exp(mean()); }
  double deviation() const {
    if (count < 2) return 0;
    const double variance = std::max(0.0, squares / double(count) - mean() * mean());
    return std::sqrt(variance / double(count - 1)) * perplexity();
  }
};

Status check(const PerplexityOptions& options, const Session& session, size_t tokens) {
  if (tokens < 2) return invalid(join("the text has ", tokens, " tokens, a perplexity needs at least 2."));
  if (options.window < 2 || options.window > session.context())
    return invalid(join("the window must have 2 to ", session.context(), " tokens, ", options.window, " were given."));
  if (options.stride < 0 || options.stride > options.window)
    return invalid(
        join("the stride must be between 1 and the window of ", options.window, ", ", options.stride, " was given."));
  return Done{};
}

}  // namespace

Result<Perplexity> perplexity(Model& model, Session& session, std::span<const int32_t> tokens,
                              const PerplexityOptions& options) {
  LK_TRY(check(options, session, tokens.size()));
  const size_t window = std::min(size_t(options.window), tokens.size());
  const size_t stride = options.stride ? size_t(options.stride) : size_t(options.window);
  const auto bos = stride >= size_t(options.window) ? leading_bos(model) : std::nullopt;
  const bool whole_only = options.scored == Scored::second_half;
  Sums sums;
  Perplexity result;
  result.tokens = tokens.size();
  size_t scored_to = 1;  // tokens before this one have been predicted already; the first never is
  for (size_t first = 0; first + (whole_only ? window : 2) <= tokens.size(); first += stride) {
    const size_t size = std::min(window, tokens.size() - first);
    std::vector<int32_t> part(tokens.begin() + ptrdiff_t(first), tokens.begin() + ptrdiff_t(first + size));
    if (bos) part.front() = *bos;
    LK_ASSIGN(const std::vector<float> values, session.log_probs(0, part));  // values[i] belongs to part[i + 1]
    const size_t from = options.scored == Scored::second_half ? size / 2
                        : options.scored == Scored::fresh     ? scored_to - first - 1
                                                              : 0;
    for (size_t i = from; i < values.size(); ++i) sums.add(values[i]);
    scored_to = first + size;
    ++result.windows;
    if (options.progress && !options.progress(scored_to, tokens.size(), sums.count ? sums.perplexity() : 0))
      return Error{ErrorCode::cancelled, "cancelled.", {}};
    if (scored_to == tokens.size()) break;
  }
  if (sums.count == 0) return invalid("no prediction was scored: the text is too short for this window.");
  result.mean_nll = sums.mean();
  result.perplexity = sums.perplexity();
  result.deviation = sums.deviation();
  result.scored = sums.count;
  return result;
}

}  // namespace lorikeet
