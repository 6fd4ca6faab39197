#include "frontend/factor_report.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>

#include "frontend/bench.h"
#include "frontend/families/family.h"
#include "frontend/session.h"
#include "frontend/tasks/runner.h"
#include "runtime/base/text.h"
#include "runtime/graph/packing.h"

namespace lorikeet {
namespace {

constexpr int64_t kFewestTokens = 32;

bool is_feed_forward(WeightRole role) {
  using Role = WeightRole;
  return role == Role::gate || role == Role::up || role == Role::down || role == Role::slice_gate ||
         role == Role::slice_up || role == Role::slice_down || role == Role::slice_router;
}

void add_costs(const Model& model, FactorPoint& point) {
  for (const Weight& weight : model.weights().weights()) {
    const bool table = weight.role == WeightRole::token_embedding && !model.config().tied_embeddings;
    if (weight.shape.rank() < 2 || table) continue;
    const double share =
        is_expert_weight(weight.role) ? model.config().factor->share(model.config().layers, point.active) : 1;
    const double bytes = share * double(packed_bytes(weight.type, weight.shape.rows(), weight.shape.columns()));
    point.bytes += bytes;
    if (!is_feed_forward(weight.role)) continue;
    point.ffn_bytes += bytes;
    point.ffn_flops += 2 * share * double(weight.shape.elements());
  }
}

// The rows that each expert of each layer got, by conversation as they are read.
class Loads {
 public:
  void take(const RoutedRows& rows) {
    if (rows.adapter != RoutedRows::kModel || rows.rows == 0) return;
    Layer& layer = layers_[rows.router];
    const size_t experts = rows.weights.size() / rows.rows;
    layer.chosen.resize(experts);
    for (size_t row = 0; row < rows.rows; ++row) {
      const auto scores = rows.scores.subspan(row * experts, experts);
      const double largest = *std::max_element(scores.begin(), scores.end());
      double sum = 0;
      for (const float score : scores) sum += std::exp(score - largest);
      for (size_t e = 0; e < experts; ++e) {
        const double p = std::exp(scores[e] - largest) / sum;
        layer.chosen[e] += rows.weights[row * experts + e] != 0;
        if (p > 0 && experts > 1) layer.entropy -= p * std::log(p) / std::log(double(experts));
      }
    }
    layer.rows += rows.rows;
  }

  std::vector<LayerLoad> loads() const {
    std::vector<LayerLoad> loads;
    for (const auto& [number, layer] : layers_) {
      LayerLoad load{.entropy = layer.entropy / double(layer.rows)};
      for (const double chosen : layer.chosen) load.share.push_back(chosen / double(layer.rows));
      loads.push_back(std::move(load));
    }
    return loads;
  }

 private:
  struct Layer {
    std::vector<double> chosen;
    double entropy = 0;
    size_t rows = 0;
  };
  std::map<uint32_t, Layer> layers_;
};

struct Reading {
  double perplexity = 0;
  std::vector<uint32_t> likeliest;  // of every position that is scored
};

Result<Reading> read_text(Session& session, std::span<const int32_t> text, int64_t window, size_t columns) {
  Reading reading;
  double nll = 0;
  for (size_t first = 0; first + 1 < text.size(); first += size_t(window)) {
    const auto piece = text.subspan(first, std::min(size_t(window), text.size() - first));
    LK_TRY(session.logits(0, piece, [&](int64_t at, std::span<const float> values) -> Status {
      for (size_t row = 0; row * columns < values.size() && size_t(at) + row + 1 < piece.size(); ++row) {
        const auto logits = values.subspan(row * columns, columns);
        const auto largest = std::max_element(logits.begin(), logits.end());
        double sum = 0;
        for (const float logit : logits) sum += std::exp(double(logit) - *largest);
        nll += *largest + std::log(sum) - double(logits[size_t(piece[size_t(at) + row + 1])]);
        reading.likeliest.push_back(uint32_t(largest - logits.begin()));
      }
      return Done{};
    }));
  }
  reading.perplexity = std::exp(nll / double(reading.likeliest.size()));
  return reading;
}

// A model under one number of active experts, with what is needed to look at it.
struct Subject {
  Model* model;
  FactorPoint point;
  std::unique_ptr<Session> session = nullptr;
};

Result<Session> session_of(Subject& subject, SessionOptions options) {
  options.active = subject.point.active;
  return Session::create(*subject.model, options);
}

Status look_at_quality(Subject& subject, std::span<const int32_t> text, std::span<const tasks::QuestionSet> questions,
                       const FactorReportOptions& options, std::vector<uint32_t>& dense_says) {
  FactorPoint& point = subject.point;
  {
    Loads loads;
    LK_ASSIGN(
        Session session,
        session_of(subject, {.context = options.window,
                             .on_routed = point.active > 0 ? OnRouted([&](const RoutedRows& rows) { loads.take(rows); })
                                                           : OnRouted()}));
    LK_ASSIGN(Reading reading, read_text(session, text, options.window, subject.model->config().vocabulary));
    point.perplexity = reading.perplexity;
    if (dense_says.empty()) dense_says = reading.likeliest;
    size_t same = 0;
    for (size_t i = 0; i < reading.likeliest.size(); ++i) same += reading.likeliest[i] == dense_says[i];
    point.agreement = double(same) / double(reading.likeliest.size());
    point.layers = loads.loads();
  }
  if (questions.empty()) return Done{};
  LK_ASSIGN(Session session, session_of(subject, {.context = 512, .slots = 8}));
  for (const tasks::QuestionSet& set : questions) {
    LK_ASSIGN(const tasks::TaskResult result, tasks::run(*subject.model, session, set, {}));
    double chance = 0;
    for (const tasks::Question& question : set.questions) chance += 1.0 / double(question.answers.size());
    point.tasks.push_back({set.task, result.accuracy, chance / double(set.questions.size())});
  }
  return Done{};
}

// All subjects in turn, so that whatever else the machine does meets all of them.
Status time_all(std::vector<Subject>& subjects, const FactorReportOptions& options) {
  for (Subject& subject : subjects) {
    LK_ASSIGN(Session session, session_of(subject, {.context = options.prompt + options.generate + 1}));
    subject.session = std::make_unique<Session>(std::move(session));
    LK_ASSIGN(const SessionMemory memory,
              Session::memory(*subject.model,
                              {.context = options.prompt + options.generate + 1, .active = subject.point.active}));
    subject.point.memory =
        subject.model->memory().weight_bytes + memory.cache_bytes + memory.scratch_bytes + memory.table_bytes;
  }
  for (int64_t round = 0; round <= options.rounds; ++round)
    for (Subject& subject : subjects) {
      const SessionCounts before = subject.session->counts();
      subject.session->clear(0);
      const std::vector<int32_t> prompt = sample_tokens(*subject.model, options.prompt + 1);
      LK_TRY(subject.session->set_tokens(0, prompt));
      const GenerateRequest request{.max_tokens = uint32_t(options.generate)};
      LK_TRY(subject.session->generate(std::span(&request, 1), [](uint32_t, int32_t) { return true; }));
      const SessionCounts after = subject.session->counts();
      if (round == 0) continue;  // kernels are compiled in the first
      const auto best = [](double& speed, uint64_t tokens, double ms) {
        if (ms > 0) speed = std::max(speed, double(tokens) * 1000 / ms);
      };
      best(subject.point.prompt, after.tokens_read - before.tokens_read, after.read_ms - before.read_ms);
      best(subject.point.generate, after.tokens_generated - before.tokens_generated,
           after.generate_ms - before.generate_ms);
    }
  return Done{};
}

Status check(const Model& dense, const Model& factored, std::span<const int32_t> text,
             const FactorReportOptions& options) {
  const auto file = [](const Model& model) { return model.checkpoint().path().string(); };
  const auto& factor = factored.config().factor;
  if (!factor) return invalid(join("[factor-report] ", file(factored), " is not factored; give what `factor` wrote."));
  if (dense.config().factor)
    return invalid(join("[factor-report] ", file(dense), " is factored; a dense model was expected."));
  if (dense.config().vocabulary != factored.config().vocabulary || dense.config().layers != factored.config().layers)
    return invalid(join("[factor-report] ", file(factored), " was not made from ", file(dense), ": it has ",
                        factored.config().layers, " layers and ", factored.config().vocabulary, " tokens, the other ",
                        dense.config().layers, " and ", dense.config().vocabulary, "."));
  for (const uint32_t active : options.active)
    if (active == 0 || active > factor->experts)
      return invalid(join("[factor-report] a row goes through 1 to ", factor->experts, " experts of this model, ",
                          active, " were asked for."));
  if (int64_t(text.size()) < kFewestTokens)
    return invalid(
        join("[factor-report] the text has ", text.size(), " tokens, at least ", kFewestTokens, " were expected."));
  return Done{};
}

}  // namespace

Result<FactorReport> factor_report(Model& dense, Model& factored, std::span<const int32_t> text,
                                   std::span<const tasks::QuestionSet> questions, const FactorReportOptions& options) {
  LK_TRY(check(dense, factored, text, options));
  FactorReport report{.experts = factored.config().factor->experts};
  std::vector<uint32_t> active = options.active;
  if (active.empty()) {
    active.resize(report.experts);
    std::iota(active.begin(), active.end(), 1u);
  }
  std::vector<Subject> subjects;
  subjects.push_back({&dense, {}});
  for (const uint32_t k : active) subjects.push_back({&factored, {.active = k}});
  const auto begin = [&](const std::string& what) -> Status {
    if (!options.progress || options.progress(what)) return Done{};
    return Error{ErrorCode::cancelled, "[factor-report] stopped.", {}};
  };
  LK_TRY(begin("times"));
  LK_TRY(time_all(subjects, options));
  for (Subject& subject : subjects) subject.session.reset();
  std::vector<uint32_t> dense_says;
  for (Subject& subject : subjects) {
    LK_TRY(begin(subject.point.active ? join(subject.point.active, " of ", report.experts) : "the dense model"));
    LK_TRY(look_at_quality(subject, text, questions, options, dense_says));
    add_costs(*subject.model, subject.point);
    report.points.push_back(std::move(subject.point));
  }
  report.tokens = dense_says.size();
  return report;
}

}  // namespace lorikeet
