// Puts the questions of a task to a model: one reading of each prompt, and the logits after its last token decide. As
// many questions at once as the session has slots; they share plans.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "frontend/session.h"
#include "frontend/tasks/accuracy.h"
#include "frontend/tasks/scored_prompt.h"

namespace lorikeet::tasks {

struct RunOptions {
  int64_t max_tokens = 512;                                  // of a prompt, see scored_prompt
  std::function<void(size_t answered, size_t of)> progress;  // at the begin and after each group
};

struct Prediction {
  size_t answer = 0;                // the number of the model's choice
  std::vector<float> label_logits;  // one an answer
};

struct TaskResult {
  std::string task, file;
  Accuracy accuracy;
  size_t truncated = 0;  // questions whose prompt was cut
  std::vector<Prediction> predictions;
};

// Errors name the question; not_found when the model has no tokenizer; cancelled after Session::cancel.
Result<TaskResult> run(Model& model, Session& session, const QuestionSet& set, const RunOptions& options);

}  // namespace lorikeet::tasks
