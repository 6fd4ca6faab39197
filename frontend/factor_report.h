// What a factored model is worth: its quality against its speed for each number of active experts, beside the dense
// model that it was made from.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "frontend/model.h"
#include "frontend/tasks/accuracy.h"
#include "frontend/tasks/question_set.h"

namespace lorikeet {

struct FactorReportOptions {
  std::vector<uint32_t> active;                           // numbers of experts to look at; none: each from 1 to all
  int64_t window = 512;                                   // tokens of a text's piece that are read as one conversation
  int64_t prompt = 128, generate = 32, rounds = 3;        // of the timing: tokens, and how often all are timed in turn
  std::function<bool(const std::string& what)> progress;  // before each part; false: stop
};

struct TaskScore {
  std::string task;
  tasks::Accuracy accuracy;
  double chance = 0;  // of a right answer by lot
};

struct LayerLoad {
  std::vector<double> share;  // of the rows that went through each expert
  double entropy = 0;         // mean over the rows, of softmax(scores); 1: all experts the same
};

// One line: the dense model, or the factored one with so many experts.
struct FactorPoint {
  uint32_t active = 0;  // 0: the dense model
  double perplexity = 0;
  double agreement = 0;  // share of the positions where the likeliest token is the dense model's
  std::vector<TaskScore> tasks;
  double ffn_flops = 0, ffn_bytes = 0;  // of a token; bytes as they lie on the device
  double bytes = 0;                     // of a token, all matrices that it is multiplied with
  double generate = 0, prompt = 0;      // tokens a second, the best of the rounds
  uint64_t memory = 0;                  // weights, caches, scratch
  std::vector<LayerLoad> layers;        // none for the dense model
};

struct FactorReport {
  uint32_t experts = 0;
  uint64_t tokens = 0;              // that were scored
  std::vector<FactorPoint> points;  // the dense model first
};

// Both models on one device, with the same vocabulary. Errors: invalid_argument for a model that is not factored, one
// that does not fit the other, too little text; cancelled; those of sessions.
Result<FactorReport> factor_report(Model& dense, Model& factored, std::span<const int32_t> text,
                                   std::span<const tasks::QuestionSet> questions, const FactorReportOptions& options);

// A table for people, with the speed-up that the bytes predict; one object for programs; a drawing of quality over
// speed.
std::string factor_table(const FactorReport& report);
nlohmann::ordered_json factor_json(const FactorReport& report);
std::string factor_svg(const FactorReport& report);

}  // namespace lorikeet
