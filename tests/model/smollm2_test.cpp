// The demo's model against recorded states of the reference implementation (tolerances: f32 weights and arithmetic).
#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "frontend/session.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"

using namespace lorikeet;
using nlohmann::json;

namespace {

json reference() { return json::parse(std::ifstream(test::golden("smollm2/reference.json"))); }

Model load(Device& device) {
  auto model = Model::load(device, *test::demo_model());
  if (!model) FAIL(model.error().message);
  return std::move(*model);
}

Session session(Model& model, const SessionOptions& options = {}) {
  auto made = Session::create(model, options);
  if (!made) FAIL(made.error().message);
  return std::move(*made);
}

std::vector<int32_t> greedy(Session& s, const std::vector<int32_t>& prompt, uint32_t count) {
  std::vector<int32_t> answer;
  REQUIRE(s.set_tokens(0, prompt).ok());
  const GenerateRequest request{.max_tokens = count};
  const auto reasons = s.generate(std::span(&request, 1), [&](uint32_t, int32_t token) {
    answer.push_back(token);
    return true;
  });
  REQUIRE(reasons.ok());
  return answer;
}

double mean_nll(Session& s, std::span<const int32_t> ids, size_t from) {
  const auto values = s.log_probs(0, ids);
  REQUIRE(values.ok());
  double sum = 0;
  for (size_t i = from; i < values->size(); ++i) sum -= (*values)[i];
  return sum / double(values->size() - from);
}

// How much of the text to read: all of it takes software devices minutes.
size_t text_length(const Device& device, size_t all) {
  if (device.profile().kind != DeviceKind::cpu) return all;
  return device.profile().subgroup_size < 8 ? 160 : 384;
}

// Perplexity of the first `count` tokens as the reference gives it.
double reference_perplexity(const json& expected, size_t count) {
  double sum = 0;
  for (size_t i = 0; i + 1 < count; ++i) sum += expected["nll"][i].get<double>();
  return std::exp(sum / double(count - 1));
}

}  // namespace

#define NEED_MODEL()                                          \
  if (!test::test_device()) LK_SKIP(no_device, "SmolLM2");    \
  if (!test::demo_model()) LK_SKIP(no_demo_model, "SmolLM2"); \
  Model model = load(*test::test_device())

TEST_CASE("SmolLM2: log-probabilities, logits and greedy tokens are the reference's") {
  NEED_MODEL();
  Session s = session(model);
  for (const json& prompt : reference()["prompts"]) {
    INFO(prompt["name"]);
    const auto ids = prompt["ids"].get<std::vector<int32_t>>();
    const auto values = s.log_probs(0, ids);
    REQUIRE(values.ok());
    for (size_t i = 1; i < ids.size(); ++i)
      REQUIRE(std::abs((*values)[i - 1] - prompt["logprob"][i].get<float>()) < 1e-3);

    std::vector<float> logits;
    REQUIRE(s.logits(0, ids, [&](int64_t, std::span<const float> rows) -> Status {
               logits.insert(logits.end(), rows.begin(), rows.end());
               return Done{};
             }).ok());
    const size_t vocabulary = model.config().vocabulary;
    for (const json& top : prompt["top"]) {
      const float* row = &logits[top["position"].get<size_t>() * vocabulary];
      for (size_t k = 0; k < top["ids"].size(); ++k)
        REQUIRE(std::abs(row[top["ids"][k].get<size_t>()] - top["logits"][k].get<float>()) < 2e-3);
      REQUIRE(std::max_element(row, row + vocabulary) - row == top["ids"][0].get<ptrdiff_t>());
    }
    CHECK(greedy(s, ids, 32) == prompt["greedy_ids"].get<std::vector<int32_t>>());
  }
}

TEST_CASE("SmolLM2: perplexity in one window and in windows of 512") {
  NEED_MODEL();
  const json expected = reference()["perplexity"];
  const auto ids = expected["ids"].get<std::vector<int32_t>>();
  const size_t count = text_length(*test::test_device(), ids.size());
  CHECK(reference_perplexity(expected, ids.size()) == Approx(expected["perplexity"].get<double>()).epsilon(1e-6));
  Session s = session(model);
  CHECK(std::exp(mean_nll(s, std::span(ids).first(count), 0)) ==
        Approx(reference_perplexity(expected, count)).epsilon(1e-4));
  if (test::test_device()->profile().subgroup_size < 8) return;
  const double both = (mean_nll(s, std::span(ids).first(512), 256) + mean_nll(s, std::span(ids).subspan(512), 256)) / 2;
  CHECK(std::exp(both) == Approx(expected["chunk512_second_half_perplexity"].get<double>()).epsilon(1e-4));
}

TEST_CASE("SmolLM2: an f16 cache stays within its tolerance") {
  NEED_MODEL();
  const json expected = reference()["perplexity"];
  const auto ids = expected["ids"].get<std::vector<int32_t>>();
  const size_t count = text_length(*test::test_device(), ids.size());
  Session s = session(model, {.kv = DType::f16});
  CHECK(std::exp(mean_nll(s, std::span(ids).first(count), 0)) ==
        Approx(reference_perplexity(expected, count)).epsilon(5e-3));
}
