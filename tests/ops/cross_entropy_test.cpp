// Cross entropy with the head in chunks of rows against its formula, and its gradients.
#include "runtime/graph/gradient.h"
#include "tests/ops/matrix.h"
#include "tests/ops/op_test.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

struct Expected {
  double loss = 0;
  std::vector<float> dx, dhead;
};

Expected formula(const std::vector<float>& x, const std::vector<float>& head, const std::vector<uint32_t>& target,
                 const std::vector<float>& weights, size_t hidden, size_t vocabulary) {
  Expected e{0, std::vector<float>(x.size()), {}};
  std::vector<double> dhead(head.size());
  for (size_t r = 0; r < target.size(); ++r) {
    if (weights[r] == 0) continue;
    std::vector<double> p(vocabulary);
    double largest = -1e300, sum = 0;
    for (size_t v = 0; v < vocabulary; ++v) {
      for (size_t i = 0; i < hidden; ++i) p[v] += double(x[r * hidden + i]) * head[v * hidden + i];
      largest = std::max(largest, p[v]);
    }
    for (double& logit : p) sum += (logit = std::exp(logit - largest));
    for (double& value : p) value /= sum;
    e.loss -= weights[r] * std::log(p[target[r]]);
    for (size_t v = 0; v < vocabulary; ++v) {
      const double slope = weights[r] * (p[v] - (v == target[r] ? 1 : 0));
      for (size_t i = 0; i < hidden; ++i) {
        e.dx[r * hidden + i] += float(slope * head[v * hidden + i]);
        dhead[v * hidden + i] += slope * x[r * hidden + i];
      }
    }
  }
  e.dhead.assign(dhead.begin(), dhead.end());
  return e;
}

}  // namespace

TEST_CASE("cross entropy and its gradients follow their formulas, whatever the chunks", "[ops][gradient]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "cross entropy");
  constexpr size_t kRows = 150, kHidden = 32, kVocabulary = 301;
  const auto x = random_floats(kRows * kHidden, 1, -2, 2);
  const Matrix matrix = random_matrix(DType::q8_0, kVocabulary, kHidden, 2);
  std::vector<uint32_t> target(kRows);
  std::vector<float> weights(kRows, 1.0f / 140);
  for (size_t r = 0; r < kRows; ++r) target[r] = uint32_t(r * 37 % kVocabulary);
  for (size_t r = 0; r < 10; ++r) weights[r * 3] = 0, target[r * 3] = 0xffffffffu;
  const Expected expected = formula(x, matrix.values, target, weights, kHidden, kVocabulary);
  for (const bool trained : {false, true}) {
    for (const int64_t chunk : {0, 64}) {
      Graph g;
      const Tensor tx = g.input("x", DType::f32, {kRows, kHidden});
      const Tensor head = trained ? g.state("head", DType::f32, {kVocabulary, kHidden})
                                  : g.weight("head", DType::q8_0, {kVocabulary, kHidden}, {"head", 0, kVocabulary});
      const Tensor loss = cross_entropy(g, {.x = tx,
                                            .head = head,
                                            .target = g.input("target", DType::u32, {kRows}),
                                            .weights = g.input("weights", DType::f32, {kRows}),
                                            .head_wanted = trained,
                                            .chunk_rows = chunk});
      Tensors wanted{tx};
      if (trained) wanted.push_back(head);
      const Tensors d = differentiate(g, scale(g, loss, 3), wanted);
      g.keep(loss, "loss");
      g.keep(d[0], "dx");
      if (trained) g.keep(d[1], "dhead");
      Data data{.floats = {{"x", x}, {"weights", weights}}, .words = {{"target", target}}};
      if (trained) data.floats["head"] = matrix.values;
      else data.bytes["head"] = matrix.bytes;
      const auto outcome = run_graph(*device, g, data);
      INFO((trained ? "trained, chunk " : "packed, chunk ") << chunk << (outcome ? "" : outcome.error().message));
      REQUIRE(outcome);
      CHECK(outcome->floats.at("loss")[0] == Approx(expected.loss).epsilon(1e-5));
      const auto thrice = [](std::vector<float> values) {
        for (float& value : values) value *= 3;
        return values;
      };
      CHECK(nmse(outcome->floats.at("dx"), thrice(expected.dx)) < 1e-9);
      if (trained) CHECK(nmse(outcome->floats.at("dhead"), thrice(expected.dhead)) < 1e-9);
    }
  }
}

TEST_CASE("chunks of rows share the memory of their logits", "[ops]") {
  const auto scratch = [](int64_t chunk) {
    Graph g;
    const Tensor x = g.input("x", DType::f32, {512, 64});
    const Tensor head = g.weight("head", DType::f32, {4096, 64}, {"head", 0, 4096});
    g.keep(cross_entropy(g, {.x = x,
                             .head = head,
                             .target = g.input("target", DType::u32, {512}),
                             .weights = g.input("weights", DType::f32, {512}),
                             .chunk_rows = chunk}),
           "loss");
    KernelLibrary kernels;
    const DeviceProfile profile;
    const auto made = draft(g, {.profile = &profile, .kernels = &kernels});
    REQUIRE(made);
    return made->scratch_bytes;
  };
  CHECK(scratch(64) < scratch(512) / 4);
}

TEST_CASE("the divergence from a teacher and its gradients follow their formulas", "[ops][gradient]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "divergence");
  constexpr size_t kRows = 130, kHidden = 32, kVocabulary = 75;
  const auto x = random_floats(kRows * kHidden, 1, -2, 2), teacher = random_floats(kRows * kHidden, 2, -2, 2);
  std::vector<float> weights(kRows, 1.0f / 100);
  for (size_t r = 0; r < kRows; r += 5) weights[r] = 0;
  for (const DType type : {DType::f32, DType::q8_0, DType::q4_1}) {
    const Matrix head = random_matrix(type, kVocabulary, kHidden, 3);
    const auto softmax = [&](const std::vector<float>& rows, size_t r) {
      std::vector<double> p(kVocabulary);
      double sum = 0;
      for (size_t v = 0; v < kVocabulary; ++v) {
        for (size_t i = 0; i < kHidden; ++i) p[v] += double(rows[r * kHidden + i]) * head.values[v * kHidden + i];
        sum += p[v] = std::exp(p[v]);
      }
      for (double& value : p) value /= sum;
      return p;
    };
    double loss = 0;
    std::vector<float> dx(kRows * kHidden);
    for (size_t r = 0; r < kRows; ++r) {
      const auto p = softmax(x, r), q = softmax(teacher, r);
      for (size_t v = 0; v < kVocabulary; ++v) {
        loss += weights[r] * q[v] * std::log(q[v] / p[v]);
        for (size_t i = 0; i < kHidden; ++i)
          dx[r * kHidden + i] += float(weights[r] * (p[v] - q[v]) * head.values[v * kHidden + i]);
      }
    }
    for (const bool trained : {false, true}) {
      for (const int64_t chunk : {0, 64}) {
        Graph g;
        const Tensor tx = g.input("x", DType::f32, {kRows, kHidden});
        const Tensor made = cross_entropy(
            g, {.x = tx,
                .head = trained ? g.state("head", DType::f32, {kVocabulary, kHidden})
                                : g.weight("head", type, {kVocabulary, kHidden}, {"head", 0, kVocabulary}),
                .weights = g.input("weights", DType::f32, {kRows}),
                .teacher = g.input("teacher", DType::f32, {kRows, kHidden}),
                .chunk_rows = chunk});
        const Tensors d = differentiate(g, made, Tensors{tx});
        g.keep(made, "loss");
        g.keep(d[0], "dx");
        Data data{.floats = {{"x", x}, {"teacher", teacher}, {"weights", weights}}};
        if (trained) data.floats["head"] = head.values;
        else data.bytes["head"] = head.bytes;
        const auto outcome = run_graph(*device, g, data);
        INFO(name(type) << (trained ? ", trained" : ", packed") << ", chunk " << chunk
                        << (outcome ? "" : outcome.error().message));
        REQUIRE(outcome);
        CHECK(outcome->floats.at("loss")[0] == Approx(loss).epsilon(1e-5));
        CHECK(nmse(outcome->floats.at("dx"), dx) < 1e-9);
      }
    }
  }
}
