// Results for programs and for people.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "frontend/tasks/runner.h"

namespace lorikeet::tasks {

// {"task", "file", "questions", "right", "accuracy", "low", "high", "truncated"}; shares from 0 to 1.
nlohmann::ordered_json report_json(const TaskResult& result);

// Percentages: a row a task, with the 95 % interval, and the mean of the accuracies if there are several. Ends with a
// line end.
std::string report_table(std::span<const TaskResult> results);

double mean_accuracy(std::span<const TaskResult> results);  // each task counts the same, as in published tables

}  // namespace lorikeet::tasks
