#include <algorithm>
#include <cmath>

#include "frontend/doctor_support.h"
#include "runtime/base/text.h"
#include "runtime/graph/packing.h"
#include "runtime/ops/gradients.h"
#include "shaders/adamw.h"
#include "shaders/control.h"

namespace lorikeet {
namespace {

using Cases = std::vector<DoctorCase>;

// An input of noise, and its values.
struct Noise {
  Tensor tensor;
  Floats values;
};
Noise input(DoctorCase& c, const char* name, Shape shape, uint64_t seed) {
  const Floats& values = c.data.floats[name] = noise(shape.elements(), seed);
  return {c.graph.input(name, DType::f32, shape), values};
}

// ---- products -------------------------------------------------------------------------------------------------------

void gemm_case(Cases& cases, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k) {
  DoctorCase& c =
      add_case(cases, join("gemm ", transpose_a ? "t" : "n", transpose_b ? "t" : "n", ", ", m, " x ", n, " x ", k));
  const Noise a = input(c, "a", transpose_a ? Shape{k, m} : Shape{m, k}, 31),
              b = input(c, "b", transpose_b ? Shape{n, k} : Shape{k, n}, 32), addend = input(c, "addend", {m, n}, 33);
  c.graph.keep(gemm(c.graph, {.a = a.tensor,
                              .b = b.tensor,
                              .addend = addend.tensor,
                              .transpose_a = transpose_a,
                              .transpose_b = transpose_b}),
               "y");
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double sum = addend.values[size_t(i * n + j)];
      for (int64_t l = 0; l < k; ++l)
        sum += double(a.values[size_t(transpose_a ? l * m + i : i * k + l)]) *
               b.values[size_t(transpose_b ? j * k + l : l * n + j)];
      c.floats["y"].push_back(float(sum));
    }
}

void matmul_grad_case(Cases& cases, DType type, int64_t rows, int64_t outputs) {
  const int64_t columns = odd_columns(type);
  DoctorCase& c = add_case(cases, join("matmul_grad ", name(type), ", ", rows, " rows, ", outputs, " x ", columns));
  const Matrix w = matrix(type, outputs, columns, 34);
  c.data.bytes["w"] = w.bytes;
  const Noise dy = input(c, "dy", {rows, outputs}, 35);
  const Tensor tw = c.graph.weight("w", type, {outputs, columns}, {"w", 0, padded_rows(outputs)});
  c.graph.keep(matmul_grad(c.graph, dy.tensor, tw), "y");
  Floats turned(w.values.size());
  for (int64_t r = 0; r < outputs; ++r)
    for (int64_t i = 0; i < columns; ++i) turned[size_t(i * outputs + r)] = w.values[size_t(r * columns + i)];
  c.floats["y"] = product(dy.values, turned, rows, columns, outputs);
}

// ---- norms and gates ------------------------------------------------------------------------------------------------

// With d = dy * weight and x' = the normalised x: dx = (d - [mean d] - x' mean(d x')) / deviation, dweight = sum dy x'.
void norm_grad_case(Cases& cases, bool layer, int64_t rows, int64_t columns, bool weight_wanted) {
  DoctorCase& c = add_case(cases, join(layer ? "layer_norm_grad, " : "rms_norm_grad, ", rows, " x ", columns,
                                       weight_wanted ? " with its weight" : ""));
  constexpr double kEps = 1e-5;
  const Noise x = input(c, "x", {rows, columns}, 36), weight = input(c, "w", {columns}, 37),
              dy = input(c, "dy", {rows, columns}, 38);
  const NormGrad made =
      (layer ? layer_norm_grad : rms_norm_grad)(c.graph, x.tensor, weight.tensor, dy.tensor, kEps, weight_wanted);
  c.graph.keep(made.x, "dx");
  if (weight_wanted) c.graph.keep(made.weight, "dw");
  std::vector<double> sums(static_cast<size_t>(columns));
  for (int64_t r = 0; r < rows; ++r) {
    const float *row = &x.values[size_t(r * columns)], *slope = &dy.values[size_t(r * columns)];
    double mean = 0, square = 0, slopes = 0, along = 0;
    for (int64_t i = 0; layer && i < columns; ++i) mean += double(row[i]) / double(columns);
    for (int64_t i = 0; i < columns; ++i) square += (row[i] - mean) * (row[i] - mean) / double(columns);
    const double deviation = std::sqrt(square + kEps);
    for (int64_t i = 0; i < columns; ++i) {
      const double d = double(slope[i]) * weight.values[size_t(i)], at = (row[i] - mean) / deviation;
      slopes += layer ? d / double(columns) : 0;
      along += d * at / double(columns);
      sums[size_t(i)] += slope[i] * at;
    }
    for (int64_t i = 0; i < columns; ++i)
      c.floats["dx"].push_back(float(
          (double(slope[i]) * weight.values[size_t(i)] - slopes - (row[i] - mean) / deviation * along) / deviation));
  }
  if (weight_wanted) c.floats["dw"].assign(sums.begin(), sums.end());
}

void gate_cases(Cases& cases, Shape shape) {
  {
    DoctorCase& c = add_case(cases, join("silu_mul_grad, ", shape.text()));
    const Noise gate = input(c, "gate", shape, 39), up = input(c, "up", shape, 40), dy = input(c, "dy", shape, 41);
    const SiluMulGrad made = silu_mul_grad(c.graph, gate.tensor, up.tensor, dy.tensor);
    c.graph.keep(made.gate, "dgate");
    c.graph.keep(made.up, "dup");
    for (size_t i = 0; i < dy.values.size(); ++i) {
      const double g = gate.values[i], s = 1 / (1 + std::exp(-g));
      c.floats["dgate"].push_back(float(dy.values[i] * up.values[i] * s * (1 + g * (1 - s))));
      c.floats["dup"].push_back(float(dy.values[i] * g * s));
    }
  }
  {
    const int64_t rows = shape.rows(), width = shape.columns();
    DoctorCase& c = add_case(cases, join("gated_grad, ", shape.text()));
    const Noise both = input(c, "both", {rows, 2 * width}, 74), dy = input(c, "dy", shape, 75);
    c.graph.keep(gated_grad(c.graph, both.tensor, dy.tensor), "dboth");
    Floats& expected = c.floats["dboth"];
    expected.resize(both.values.size());
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < width; ++i) {
        const size_t gate = size_t(2 * r * width + i), up = gate + size_t(width);
        const double g = both.values[gate], s = 1 / (1 + std::exp(-g)), d = dy.values[size_t(r * width + i)];
        expected[gate] = float(d * both.values[up] * s * (1 + g * (1 - s)));
        expected[up] = float(d * g * s);
      }
  }
  for (const Gelu kind : {Gelu::erf, Gelu::tanh, Gelu::quick}) {
    DoctorCase& c = add_case(cases, join("gelu_grad ", int(kind), ", ", shape.text()));
    c.tolerance = 1e-6;
    const Noise x = input(c, "x", shape, 42), dy = input(c, "dy", shape, 43);
    c.graph.keep(gelu_grad(c.graph, x.tensor, dy.tensor, kind), "dx");
    const auto value = [&](double at) {
      if (kind == Gelu::erf) return 0.5 * at * (1 + std::erf(at / std::sqrt(2.0)));
      if (kind == Gelu::quick) return at / (1 + std::exp(-1.702 * at));
      return 0.5 * at * (1 + std::tanh(0.7978845608028654 * (at + 0.044715 * at * at * at)));
    };
    constexpr double kStep = 1e-5;
    for (size_t i = 0; i < dy.values.size(); ++i)
      c.floats["dx"].push_back(
          float(dy.values[i] * (value(x.values[i] + kStep) - value(x.values[i] - kStep)) / (2 * kStep)));
  }
}

// ---- attention ------------------------------------------------------------------------------------------------------

// Two sequences, each row looking at itself and what lies before it.
void span_attention_case(Cases& cases, bool gradient) {
  constexpr int64_t kRows = 21, kFirst = 13, kHeads = 4, kKeys = 2, kDim = 20;
  constexpr double kScale = 0.2;
  DoctorCase& c = add_case(cases, gradient ? "span_attention_grad" : "span_attention");
  c.tolerance = 1e-6;
  const Noise q = input(c, "q", {kRows, kHeads * kDim}, 44), k = input(c, "k", {kRows, kKeys * kDim}, 45),
              v = input(c, "v", {kRows, kKeys * kDim}, 46);
  std::vector<uint32_t>& spans = c.data.words["spans"];
  for (uint32_t r = 0; r < kRows; ++r) {
    const uint32_t first = r < kFirst ? 0 : kFirst, end = r < kFirst ? kFirst : kRows;
    spans.insert(spans.end(), {first, r + 1, r, end});
  }
  const Tensor y = span_attention(c.graph, q.tensor, k.tensor, v.tensor, c.graph.input("spans", DType::u32, {kRows, 4}),
                                  {.heads = kHeads, .kv_heads = kKeys, .head_dim = kDim, .scale = kScale});
  Floats out(size_t(kRows * kHeads * kDim)), dy(out.size());
  std::vector<double> dq(q.values.size()), dk(k.values.size()), dv(v.values.size());
  if (gradient) {
    const Noise slope = input(c, "dy", {kRows, kHeads * kDim}, 47);
    dy = slope.values;
    const Node forward = c.graph.nodes().back();
    const SpanAttentionGrad made = span_attention_grad(c.graph, forward, slope.tensor);
    c.graph.keep(made.q, "dq");
    c.graph.keep(made.k, "dk");
    c.graph.keep(made.v, "dv");
  } else {
    c.graph.keep(y, "y");
  }
  for (int64_t r = 0; r < kRows; ++r)
    for (int64_t h = 0; h < kHeads; ++h) {
      const int64_t begin = spans[size_t(r * 4)], at = (r * kHeads + h) * kDim, own = h / (kHeads / kKeys);
      const auto key_at = [&](int64_t key, int64_t d) { return size_t((key * kKeys + own) * kDim + d); };
      std::vector<double> weights, slopes;
      double total = 0, mean = 0;
      for (int64_t key = begin; key <= r; ++key) {
        double score = 0, slope = 0;
        for (int64_t d = 0; d < kDim; ++d) {
          score += double(q.values[size_t(at + d)]) * k.values[key_at(key, d)];
          slope += double(dy[size_t(at + d)]) * v.values[key_at(key, d)];
        }
        weights.push_back(std::exp(score * kScale));
        slopes.push_back(slope);
        total += weights.back();
      }
      for (size_t i = 0; i < weights.size(); ++i) mean += (weights[i] /= total) * slopes[i];
      for (size_t i = 0; i < weights.size(); ++i)
        for (int64_t d = 0; d < kDim; ++d) {
          const size_t key = key_at(begin + int64_t(i), d);
          const double change = weights[i] * (slopes[i] - mean) * kScale;
          out[size_t(at + d)] += float(weights[i] * v.values[key]);
          dq[size_t(at + d)] += change * k.values[key];
          dk[key] += change * q.values[size_t(at + d)];
          dv[key] += weights[i] * dy[size_t(at + d)];
        }
    }
  if (!gradient) {
    c.floats["y"] = out;
    return;
  }
  c.floats["dq"].assign(dq.begin(), dq.end());
  c.floats["dk"].assign(dk.begin(), dk.end());
  c.floats["dv"].assign(dv.begin(), dv.end());
}

// ---- rows and pictures ----------------------------------------------------------------------------------------------

void gather_case(Cases& cases, int64_t columns) {
  DoctorCase& c = add_case(cases, join("gather_rows_grad, ", columns, " columns"));
  const std::vector<uint32_t> wanted = {4, 1, 4, 4, 0, 1};
  std::vector<uint32_t>& control = c.data.words["control"];
  control.assign(shader::kStepWords, 0);
  control[1] = uint32_t(wanted.size());
  control[4] = shader::kStepWords;
  control.insert(control.end(), wanted.begin(), wanted.end());
  const Noise dy = input(c, "dy", {int64_t(wanted.size()), columns}, 48);
  const Tensor table = c.graph.state("control", DType::u32, {int64_t(control.size())});
  c.graph.keep(gather_rows_grad(c.graph, dy.tensor, table, 5), "dx");
  Floats& dx = c.floats["dx"];
  dx.assign(size_t(5 * columns), 0);
  for (size_t i = 0; i < wanted.size(); ++i)
    for (size_t e = 0; e < size_t(columns); ++e)
      dx[wanted[i] * size_t(columns) + e] += dy.values[i * size_t(columns) + e];
}

void patches_case(Cases& cases) {
  constexpr int64_t kChannels = 3, kHeight = 28, kWidth = 42, kSize = 14;
  DoctorCase& c = add_case(cases, "patches_grad");
  const Noise dy = input(c, "dy", {kHeight / kSize * (kWidth / kSize), kChannels * kSize * kSize}, 49);
  c.graph.keep(patches_grad(c.graph, dy.tensor, {kChannels, kHeight, kWidth}, kSize), "pixels");
  for (int64_t channel = 0; channel < kChannels; ++channel)
    for (int64_t y = 0; y < kHeight; ++y)
      for (int64_t x = 0; x < kWidth; ++x)
        c.floats["pixels"].push_back(
            dy.values[size_t((y / kSize * (kWidth / kSize) + x / kSize) * kChannels * kSize * kSize +
                             (channel * kSize + y % kSize) * kSize + x % kSize)]);
}

// ---- losses and the optimiser ---------------------------------------------------------------------------------------

void softmax_loss_case(Cases& cases, int64_t rows, int64_t columns) {
  DoctorCase& c = add_case(cases, join("softmax_loss, ", rows, " x ", columns));
  c.tolerance = 1e-6;
  const Noise logits = input(c, "logits", {rows, columns}, 50), weights = input(c, "weights", {rows}, 51);
  std::vector<uint32_t>& target = c.data.words["target"];
  for (int64_t r = 0; r < rows; ++r) target.push_back(uint32_t((r * 7919 + columns - 1) % columns));
  const SoftmaxLoss made =
      softmax_loss(c.graph, logits.tensor, c.graph.input("target", DType::u32, {rows}), weights.tensor);
  c.graph.keep(made.losses, "losses");
  c.graph.keep(made.logits, "dlogits");
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = &logits.values[size_t(r * columns)];
    const double weight = weights.values[size_t(r)];
    double sum = 0;
    for (int64_t i = 0; i < columns; ++i) sum += std::exp(double(row[i]));
    c.floats["losses"].push_back(float(weight * (std::log(sum) - row[target[size_t(r)]])));
    for (int64_t i = 0; i < columns; ++i)
      c.floats["dlogits"].push_back(float(weight * (std::exp(double(row[i])) / sum - (i == target[size_t(r)]))));
  }
}

void sum_cases(Cases& cases, int64_t rows, int64_t columns) {
  DoctorCase& c = add_case(cases, join("sum_rows, ", rows, " x ", columns));
  const Noise x = input(c, "x", {rows, columns}, 52);
  c.graph.keep(sum_rows(c.graph, x.tensor), "y");
  std::vector<double> sums(static_cast<size_t>(columns));
  for (size_t i = 0; i < x.values.size(); ++i) sums[i % sums.size()] += x.values[i];
  c.floats["y"].assign(sums.begin(), sums.end());

  DoctorCase& squares = add_case(cases, join("sum_squares, ", rows * columns, " elements"));
  const Noise y = input(squares, "x", {rows, columns}, 53);
  squares.graph.keep(sum_squares(squares.graph, y.tensor), "y");
  double sum = 0;
  for (const float value : y.values) sum += double(value) * value;
  squares.floats["y"] = {float(sum)};
}

void accumulate_case(Cases& cases, bool fresh) {
  DoctorCase& c = add_case(cases, fresh ? "accumulate, fresh" : "accumulate");
  const Noise x = input(c, "x", {3, 67}, 54);
  Floats& before = c.data.floats["sum"] = noise(3 * 67, 55);
  c.data.words["fresh"] = {fresh};
  accumulate(c.graph, c.graph.state("sum", DType::f32, {3, 67}), x.tensor, c.graph.input("fresh", DType::u32, {1}));
  for (size_t i = 0; i < before.size(); ++i) c.floats["sum"].push_back(x.values[i] + (fresh ? 0 : before[i]));
}

void adamw_case(Cases& cases, bool decoupled) {
  constexpr int64_t kCount = 201;
  const Adamw a{.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-6, .decay = 0.1, .clip = 1.5, .decoupled = decoupled};
  constexpr double kRate = 0.05, kMomentum = 1.8, kVariance = 2.5, kShare = 0.5;
  DoctorCase& c = add_case(cases, decoupled ? "adamw" : "adamw, not decoupled");
  const Noise gradient = input(c, "gradient", {kCount}, 56);
  const Floats before = c.data.floats["p"] = noise(kCount, 57), m = c.data.floats["m"] = noise(kCount, 58);
  Floats& v = c.data.floats["v"] = noise(kCount, 59);
  double squares = 0;
  for (float& value : v) value = std::abs(value);
  for (const float slope : gradient.values) squares += double(slope) * slope;
  c.data.floats["squares"] = {float(squares)};
  c.data.floats["step"] = {float(kRate), float(kMomentum), float(kVariance), float(kShare)};
  const auto state = [&](const char* name) { return c.graph.state(name, DType::f32, {kCount}); };
  adamw(c.graph,
        {.parameter = state("p"),
         .gradient = gradient.tensor,
         .momentum = state("m"),
         .variance = state("v"),
         .step = c.graph.input("step", DType::f32, {int64_t(shader::kStepFloats)}),
         .squares = c.graph.input("squares", DType::f32, {1})},
        a);
  const double by = kShare * std::min(1.0, a.clip / (std::sqrt(squares) * kShare + 1e-6));
  for (size_t i = 0; i < before.size(); ++i) {
    const double slope = gradient.values[i] * by + (decoupled ? 0 : a.decay * before[i]);
    const double weight = before[i] * (decoupled ? 1 - kRate * a.decay : 1);
    const double momentum = a.beta1 * m[i] + (1 - a.beta1) * slope;
    const double variance = a.beta2 * v[i] + (1 - a.beta2) * slope * slope;
    c.floats["m"].push_back(float(momentum));
    c.floats["v"].push_back(float(variance));
    c.floats["p"].push_back(float(weight - kRate * kMomentum * momentum / (std::sqrt(variance) * kVariance + a.eps)));
  }
}

}  // namespace

void add_learning_cases(Cases& cases) {
  gemm_case(cases, false, false, 9, 130, 64);
  gemm_case(cases, false, true, 33, 70, 44);
  gemm_case(cases, true, false, 70, 33, 21);
  gemm_case(cases, false, true, 1, 24, 173);
  for (const DType type : kWeightTypes)
    for (const int64_t rows : {1, 9}) matmul_grad_case(cases, type, rows, 70);
  for (const bool layer : {false, true}) {
    norm_grad_case(cases, layer, 7, 173, false);
    norm_grad_case(cases, layer, 7, 576, true);
  }
  gate_cases(cases, {3, 173});
  gate_cases(cases, {8, 64});
  span_attention_case(cases, false);
  span_attention_case(cases, true);
  gather_case(cases, 173);
  gather_case(cases, 64);
  patches_case(cases);
  softmax_loss_case(cases, 3, 70'001);
  softmax_loss_case(cases, 70, 97);
  sum_cases(cases, 70, 173);
  sum_cases(cases, 1, 300'000);
  accumulate_case(cases, false);
  accumulate_case(cases, true);
  adamw_case(cases, true);
  adamw_case(cases, false);
}

}  // namespace lorikeet
