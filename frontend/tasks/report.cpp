#include "frontend/tasks/report.h"

#include <cstdio>

namespace lorikeet::tasks {

nlohmann::ordered_json report_json(const TaskResult& result) {
  const Interval interval = result.accuracy.interval();
  return {{"task", result.task},
          {"file", result.file},
          {"questions", result.accuracy.of},
          {"right", result.accuracy.right},
          {"accuracy", result.accuracy.value()},
          {"low", interval.low},
          {"high", interval.high},
          {"truncated", result.truncated}};
}

double mean_accuracy(std::span<const TaskResult> results) {
  double sum = 0;
  for (const TaskResult& result : results) sum += result.accuracy.value();
  return results.empty() ? 0 : sum / double(results.size());
}

std::string report_table(std::span<const TaskResult> results) {
  char line[160];
  std::snprintf(line, sizeof line, "%-10s  %9s  %8s  %s\n", "task", "questions", "accuracy", "95 % interval");
  std::string text = line;
  for (const TaskResult& result : results) {
    const Interval interval = result.accuracy.interval();
    std::snprintf(line, sizeof line, "%-10s  %9llu  %8.2f  %.2f to %.2f\n", result.task.c_str(),
                  static_cast<unsigned long long>(result.accuracy.of), 100 * result.accuracy.value(),
                  100 * interval.low, 100 * interval.high);
    text += line;
  }
  if (results.size() < 2) return text;
  std::snprintf(line, sizeof line, "%-10s  %9s  %8.2f\n", "mean", "", 100 * mean_accuracy(results));
  return text + line;
}

}  // namespace lorikeet::tasks
