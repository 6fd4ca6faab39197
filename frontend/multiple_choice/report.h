// An evaluation for programs and for people.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "frontend/multiple_choice/evaluation.h"

namespace lorikeet::multiple_choice {

// {"data_set", "model", "matching", "questions", "answered", "scores": [{"part", "split", "questions", "overall",
// "vanilla", "l2_categories": {}, "categories": {}}]}; accuracies from 0 to 1.
nlohmann::ordered_json report_json(const Evaluation& evaluation, const std::string& model);

// Percentages: a column for each score, a row for overall, for vanilla if overall is circular, each l2-category and
// each category. Ends with a line end.
std::string report_table(std::span<const Score> scores);

}  // namespace lorikeet::multiple_choice
