// Perplexity of a text: how surprised a model is by it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "frontend/session.h"

namespace lorikeet {

enum class Scored {
  second_half,  // of each window, so that every prediction has seen half a window: llama.cpp's method; whole windows
                // only
  all,          // every prediction of every window
  fresh,        // what no window before has scored: for windows that overlap
};

struct PerplexityOptions {
  int64_t window = 512;  // tokens, at least 2; at most the session's context
  int64_t stride = 0;    // from one window to the next; 0: the window
  Scored scored = Scored::second_half;
  // After each window: tokens done, tokens in all, perplexity so far; false ends it with `cancelled`.
  std::function<bool(uint64_t done, uint64_t total, double perplexity)> progress;
};

struct Perplexity {
  double perplexity = 0;  // exp of the mean negative log-probability
  double mean_nll = 0;
  double deviation = 0;  // standard error of the perplexity
  uint64_t tokens = 0, windows = 0, scored = 0;
};

// A text shorter than a window is one window. Where the tokenizer puts a BOS in front of texts, each window that does
// not overlap another begins with it instead of its own first token, as in llama.cpp. Uses slot 0 of the session.
// Errors: invalid_argument for fewer than 2 tokens or a window that does not fit; those of Session::log_probs.
Result<Perplexity> perplexity(Model& model, Session& session, std::span<const int32_t> tokens,
                              const PerplexityOptions& options);

}  // namespace lorikeet
