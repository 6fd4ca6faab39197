// How many questions of a data set were answered rightly, counted as the published evaluation counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/multiple_choice/data_set.h"

namespace lorikeet::multiple_choice {

using Answers = std::map<int64_t, std::string>;  // what a model said, by the question's index

struct Accuracy {
  size_t right = 0, of = 0;

  double value() const { return of > 0 ? double(right) / double(of) : 0; }
};

// Of the questions of one part and one split.
struct Score {
  std::string part, split;
  Accuracy vanilla;  // each question on its own
  // What counts: the same, or circular accuracy (is_circular). Then all answered rotations of a question, the indices
  // with one remainder by 1,000,000, must be right, and the one below 1,000,000 has the category.
  Accuracy overall;
  std::map<std::string, Accuracy> l2_categories, categories;
};

struct Evaluation {
  std::string data_set;
  size_t questions = 0, answered = 0;
  std::vector<Score> scores;  // parts in the order of the data set, their splits by name
};

bool is_circular(std::string_view part);  // MMBench and CCBench, by name

// Scores the questions that have an answer. Errors: invalid_argument if none has.
Result<Evaluation> evaluate(const DataSet& data_set, const Answers& answers);

}  // namespace lorikeet::multiple_choice
