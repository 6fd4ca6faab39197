// Puts pictures to a model that sees, in every language: the likeliest names, the free answer, how it was routed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "frontend/names/name_set.h"
#include "frontend/session.h"

namespace lorikeet::names {

struct RunOptions {
  size_t names = 5;                                      // likeliest names that are looked for, at least 1
  uint32_t answer_tokens = 24;                           // of a free answer at most; 0: none is asked for
  std::optional<size_t> route_by;                        // every picture is routed by the question in this language
  std::function<void(size_t done, size_t of)> progress;  // at the begin and after each group
};

struct LikelyName {
  std::vector<size_t> things;  // that have the name
  double log_probability = 0;
};

// What a model said about a picture in a language.
struct Naming {
  size_t picture = 0, language = 0;
  std::vector<LikelyName> names;  // the likeliest first
  std::string answer;             // free; empty if none was asked for
  std::vector<float> experts;     // probabilities; empty where no experts work
};

// One after the other by pictures, then by languages. As many at once as the session has slots. Errors: unsupported for
// a model for text alone; of pictures, with their paths; cancelled after Session::cancel.
Result<std::vector<Naming>> run(Model& model, Session& session, const NameSet& names,
                                std::span<const NamedPicture> pictures, const RunOptions& options);

}  // namespace lorikeet::names
