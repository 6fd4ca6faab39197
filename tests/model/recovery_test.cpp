// Whatever submission loses the device and whatever allocation fails: every call of a session ends as if nothing had
// been.
#include "frontend/session.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/skip.h"
#include "tests/support/tiny_model.h"

using namespace lorikeet;

namespace {

using Ids = std::vector<int32_t>;

// All that a user sees of a script that uses every call.
struct Seen {
  std::vector<Ids> answers;
  std::vector<float> log_probs, logits;
  bool operator==(const Seen&) const = default;
};

Ids prompt(size_t count, int32_t seed) {
  Ids ids;
  for (size_t i = 0; i < count; ++i) ids.push_back(int32_t((i * 29 + size_t(seed) * 13) % 60) + 1);
  return ids;
}

Result<Ids> answer(Session& s, uint32_t slot, uint32_t count) {
  Ids ids;
  const GenerateRequest request{.slot = slot,
                                .sampler = {.greedy = false, .temperature = 30, .repeat_penalty = 1.1f, .seed = 5},
                                .max_tokens = count};
  LK_TRY(s.generate(std::span(&request, 1), [&](uint32_t, int32_t token) {
    ids.push_back(token);
    return true;
  }));
  return ids;
}

Result<Seen> script(Model& model) {
  Seen seen;
  const auto answered = [&](Session& s, uint32_t slot, uint32_t count) -> Status {
    LK_ASSIGN(Ids ids, answer(s, slot, count));
    seen.answers.push_back(std::move(ids));
    return Done{};
  };
  LK_ASSIGN(Session s, Session::create(model, {.context = 512, .slots = 2, .logit_bias = true}));
  LK_ASSIGN(Session neighbour,
            Session::create(model, {.context = 64}));  // of the same model: it must come back as well
  LK_TRY(neighbour.set_tokens(0, prompt(9, 3)));
  LK_TRY(s.set_tokens(0, prompt(37, 1)));
  LK_TRY(answered(s, 0, 5));
  LK_TRY(s.fork(0, 1));
  std::vector<float> bias(64, 0.0f);
  bias[7] = 3;
  LK_TRY(s.set_logit_bias(1, bias));
  LK_TRY(answered(s, 1, 3));
  LK_ASSIGN(const std::string saved, s.save(0));
  LK_TRY(answered(s, 0, 3));
  LK_TRY(s.restore(1, saved));
  LK_TRY(answered(s, 1, 3));
  LK_ASSIGN(seen.log_probs, s.log_probs(0, prompt(21, 2)));
  LK_TRY(s.logits(0, prompt(5, 2), [&](int64_t first, std::span<const float> values) -> Status {
    if (size_t(first) * 64 != seen.logits.size()) return invalid("rows are missing or come twice.");
    seen.logits.insert(seen.logits.end(), values.begin(), values.end());
    return Done{};
  }));
  const std::vector<Ids> texts = {prompt(45, 4), prompt(6, 5)};
  LK_TRY(s.last_logits(texts, [&](uint32_t text, std::span<const float> values) -> Status {
    if (size_t(5 + text) * 64 != seen.logits.size()) return invalid("texts are missing or come twice.");
    seen.logits.insert(seen.logits.end(), values.begin(), values.end());
    return Done{};
  }));
  LK_TRY(s.set_tokens(0, prompt(300, 1)));  // beyond the first cache
  LK_TRY(answered(s, 0, 3));
  LK_TRY(answered(neighbour, 0, 4));
  return seen;
}

struct Run {
  Result<Seen> seen = not_found("not run.");
  uint64_t submissions = 0;
  bool fault_seen = false;
};

// Loading is not a session's business: who loads tries again.
Run run(const std::filesystem::path& path, const std::string& fault, bool validated) {
  Options options = test::device_options();
  options.validation &= validated;
  options.fault = fault;
  Run result;
  auto device = Device::open({options, [&result, passed_on = test::recording_log()](const std::string& line) {
                                result.fault_seen |= line.find("LORIKEET_FAULT") != std::string::npos;
                                passed_on(line);
                              }});
  if (!device) {
    result.seen = device.error();
    return result;
  }
  auto model = Model::load(*device, path);
  if (!model) {
    result.fault_seen |= model.error().message.find("LORIKEET_FAULT") != std::string::npos;
    if (device->lost() && !device->reopen()) return result;
    model = Model::load(*device, path);
  }
  if (model) result.seen = script(*model);
  else result.seen = model.error();
  result.submissions = device->submissions();
  return result;
}

}  // namespace

TEST_CASE("a fault at any submission or allocation changes nothing that a session says") {
  if (!test::test_device()) LK_SKIP(no_device, "recovery");
  const auto path = test::write_tiny_model(
      "lorikeet-tiny-recovery",
      {.layers = 1, .hidden = 32, .heads = 2, .kv_heads = 1, .intermediate = 32, .vocabulary = 64});
  const Run expected = run(path, "", true);
  if (!expected.seen) FAIL(expected.seen.error().message);
  REQUIRE(expected.seen->answers.size() == 6);
  REQUIRE(expected.submissions > 50);
  // Every index, unless the device compiles the kernels anew for each of some 130 runs: then as many as half a minute
  // holds.
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(*run(path, "", false).seen == *expected.seen);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const uint64_t step = 1 + uint64_t(seconds * 130 / 30);
  for (const char* kind : {"submit:", "allocate:"}) {
    for (uint64_t n = 1;; n += step) {
      const std::string fault = kind + std::to_string(n);
      const Run got = run(path, fault, n % 8 == 1);  // validation takes most of the time
      INFO(fault);
      if (!got.seen) FAIL(got.seen.error().message);
      REQUIRE(*got.seen == *expected.seen);
      if (!got.fault_seen) {  // the script has fewer
        REQUIRE(n > 20);
        std::printf("faults: %s1 to %llu in steps of %llu\n", kind, static_cast<unsigned long long>(n - 1),
                    static_cast<unsigned long long>(step));
        break;
      }
    }
  }
}
