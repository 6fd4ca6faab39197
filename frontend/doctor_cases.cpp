#include <algorithm>
#include <cmath>

#include "frontend/control.h"
#include "frontend/doctor_support.h"
#include "runtime/base/half.h"
#include "runtime/base/text.h"
#include "runtime/graph/packing.h"
#include "runtime/ops/ops.h"

namespace lorikeet {
namespace {

Floats normed(const Floats& x, const Floats& weight, double eps) {
  const size_t columns = weight.size();
  Floats y(x.size());
  for (size_t row = 0; row < x.size(); row += columns) {
    double square = 0;
    for (size_t i = 0; i < columns; ++i) square += double(x[row + i]) * x[row + i];
    const double scale = 1 / std::sqrt(square / double(columns) + eps);
    for (size_t i = 0; i < columns; ++i) y[row + i] = float(x[row + i] * scale * weight[i]);
  }
  return y;
}

// Collects cases; each function adds those of one op.
class Cases {
 public:
  explicit Cases(std::vector<DoctorCase>& cases) : cases_(cases) {}

  void matmul_case(DType type, int64_t rows, int64_t outputs, int64_t columns) {
    DoctorCase& c = add(join("matmul ", name(type), ", ", rows, " rows, ", outputs, " x ", columns));
    const Matrix w = matrix(type, outputs, columns, 5);
    const Floats x = c.data.floats["x"] = noise(rows * columns, 6);
    c.data.bytes["w"] = w.bytes;
    const Tensor tx = c.graph.input("x", DType::f32, {rows, columns});
    const Tensor tw = c.graph.weight("w", type, {outputs, columns}, {"w", 0, padded_rows(outputs)});
    c.graph.keep(matmul(c.graph, tx, tw), "y");
    c.floats["y"] = product(x, w.values, rows, outputs, columns);
  }

  // Norm prologue, bias and residual; or the gated pair.
  void fused_case(int64_t rows, bool gated) {
    const int64_t outputs = 64, columns = 96;
    DoctorCase& c = add(join("matmul fused", gated ? " gated" : "", ", ", rows, " rows"));
    Graph& g = c.graph;
    const Matrix w = matrix(DType::q4_1, 2 * outputs, columns, 7);
    const Floats x = c.data.floats["x"] = noise(rows * columns, 8), weight = c.data.floats["norm"] = noise(columns, 9);
    c.data.bytes["w"] = w.bytes;
    const Floats y = product(normed(x, weight, 1e-5), w.values, rows, 2 * outputs, columns);
    const Tensor tx = g.input("x", DType::f32, {rows, columns});
    const Tensor tw = g.weight("w", DType::q4_1, {2 * outputs, columns}, {"w", 0, 2 * outputs});
    FusedMatmul parts{.x = tx,
                      .weight = tw,
                      .norm_weight = g.weight("norm", DType::f32, {columns}, {"norm", 0, columns}),
                      .norm_eps = 1e-5};
    Floats& expected = c.floats["y"];
    if (gated) {
      parts.gated_rows = outputs;
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t n = 0; n < outputs; ++n)
          expected.push_back(float(silu(y[size_t(r * 2 * outputs + n)]) * y[size_t(r * 2 * outputs + outputs + n)]));
    } else {
      const Floats bias = c.data.floats["bias"] = noise(2 * outputs, 10),
                   residual = c.data.floats["residual"] = noise(rows * 2 * outputs, 11);
      parts.bias = g.weight("bias", DType::f32, {2 * outputs}, {"bias", 0, 2 * outputs});
      parts.residual = g.input("residual", DType::f32, {rows, 2 * outputs});
      for (size_t i = 0; i < y.size(); ++i) expected.push_back(y[i] + bias[i % size_t(2 * outputs)] + residual[i]);
    }
    g.keep(fused_matmul(g, parts), "y");
  }

  void norm_case(int64_t rows, int64_t columns) {
    DoctorCase& c = add(join("rms_norm, ", rows, " x ", columns));
    const Floats x = c.data.floats["x"] = noise(rows * columns, 12), weight = c.data.floats["w"] = noise(columns, 13);
    const Tensor tx = c.graph.input("x", DType::f32, {rows, columns});
    c.graph.keep(rms_norm(c.graph, tx, c.graph.weight("w", DType::f32, {columns}, {"w", 0, columns}), 1e-6), "y");
    c.floats["y"] = normed(x, weight, 1e-6);
  }

  // Rows of two conversations; `positions` of the first conversation's rows, the second has one row at its start.
  void attention_case(DType kv, std::vector<uint32_t> positions) {
    const int64_t heads = 6, kv_heads = 2, dim = 64, rows = int64_t(positions.size()) + 1;
    const int64_t limit = *std::max_element(positions.begin(), positions.end()) + 1;
    const uint32_t blocks = uint32_t((limit + shader::kKvBlockPositions - 1) / shader::kKvBlockPositions);
    const int64_t places = 2 * int64_t(blocks) * shader::kKvBlockPositions, columns = kv_heads * dim;
    DoctorCase& c = add(join("attention ", name(kv), " cache, ", rows, " rows, ", limit, " positions"));
    c.tolerance = 1e-6;
    Graph& g = c.graph;
    const Tensor q = g.input("q", DType::f32, {rows, heads * dim});
    const Tensor k = g.state("k", kv, {places, columns}), v = g.state("v", kv, {places, columns});
    const Floats qs = c.data.floats["q"] = noise(rows * heads * dim, 14);
    const Floats ks = cache(c, "k", kv, places * columns, 15), vs = cache(c, "v", kv, places * columns, 16);

    std::vector<shader::Row> table;
    for (uint32_t position : positions) table.push_back({0, position, 0, 0});
    table.push_back({1, 0, 0, 0});
    const Tensor control = add_control(c, table, 2, blocks);
    const double scale = 1 / std::sqrt(double(dim));
    g.keep(attention(g, q, k, v, control,
                     {.heads = heads, .kv_heads = kv_heads, .head_dim = dim, .scale = scale, .kv_limit = limit}),
           "y");
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t h = 0; h < heads; ++h)
        attend(&qs[size_t((r * heads + h) * dim)], ks, vs, h / (heads / kv_heads) * dim, columns,
               int64_t(table[size_t(r)].slot) * blocks * shader::kKvBlockPositions, table[size_t(r)].position, dim,
               scale, c.floats["y"]);
  }

  void greedy_case(int64_t vocabulary) {
    DoctorCase& c = add(join("sample, vocabulary ", vocabulary));
    Graph& g = c.graph;
    Floats& logits = c.data.floats["logits"] = noise(2 * vocabulary, 17);
    const uint32_t best[] = {uint32_t(vocabulary - 3), uint32_t(vocabulary / 3)};
    for (int64_t row : {0, 1}) logits[size_t(row * vocabulary + best[row])] = 2;
    const Tensor control = add_control(c, {{0, 4, 0, shader::kRowFollows}, {1, 9, 0, shader::kRowFollows}}, 2, 1, true);
    SampleStates states{.control = control,
                        .seen = g.state("seen", DType::u32, {2, (vocabulary + 31) / 32}),
                        .tokens = g.state("tokens", DType::u32, {2, 64})};
    sample(g, g.input("logits", DType::f32, {2, vocabulary}), states);
    std::vector<uint32_t>& tokens = c.words["tokens"];
    tokens.assign(128, 0);
    tokens[0] = best[0], tokens[64] = best[1];
  }

  void log_prob_case(int64_t columns) {
    DoctorCase& c = add(join("log_prob, ", columns, " columns"));
    const Floats x = c.data.floats["x"] = noise(2 * columns, 18);
    c.data.words["target"] = {3, uint32_t(columns - 1)};
    const Tensor target = c.graph.state("target", DType::u32, {2});
    c.graph.keep(log_prob(c.graph, c.graph.input("x", DType::f32, {2, columns}), target), "y");
    for (int64_t row : {0, 1}) {
      double sum = 0;
      for (int64_t i = 0; i < columns; ++i) sum += std::exp(double(x[size_t(row * columns + i)]));
      c.floats["y"].push_back(float(x[size_t(row * columns + c.data.words["target"][size_t(row)])] - std::log(sum)));
    }
  }

  void embed_case(DType type) {
    const int64_t rows = 3, vocabulary = 70, columns = layout(type).block == 256 ? 256 : 96;
    DoctorCase& c = add(join("embed ", name(type)));
    const Matrix w = matrix(type, vocabulary, columns, 19);
    c.data.bytes["w"] = w.bytes;
    const std::vector<shader::Row> table = {{0, 0, 69, 0}, {0, 1, 0, 0}, {0, 2, 31, 0}};
    const Tensor control = add_control(c, table, 1, 1);
    c.graph.keep(embed(c.graph, c.graph.weight("w", type, {vocabulary, columns}, {"w", 0, padded_rows(vocabulary)}),
                       control, rows),
                 "y");
    for (const shader::Row& row : table)
      c.floats["y"].insert(c.floats["y"].end(), w.values.begin() + row.token * columns,
                           w.values.begin() + (row.token + 1) * columns);
  }

  void rope_case() {
    const int64_t rows = 3, heads = 3, dim = 20, half = dim / 2;
    DoctorCase& c = add("rope");
    c.tolerance = 1e-6;
    const Floats x = c.data.floats["x"] = noise(rows * heads * dim, 20);
    Floats& frequencies = c.data.floats["f"];
    for (int64_t i = 0; i < half; ++i) frequencies.push_back(float(std::pow(10000.0, -2.0 * double(i) / double(dim))));
    const std::vector<shader::Row> table = {{0, 0, 0, 0}, {0, 17, 0, 0}, {0, 4001, 0, 0}};
    const Tensor control = add_control(c, table, 1, 126);
    const Tensor f = c.graph.weight("f", DType::f32, {half}, {"f", 0, half});
    c.graph.keep(rope(c.graph, c.graph.input("x", DType::f32, {rows, heads * dim}), f, control,
                      {.heads = heads, .head_dim = dim}),
                 "y");
    Floats& y = c.floats["y"] = x;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t h = 0; h < heads; ++h) {
        for (int64_t i = 0; i < half; ++i) {
          const double angle = double(table[size_t(r)].position) * frequencies[size_t(i)];
          const size_t a = size_t((r * heads + h) * dim + i), b = a + size_t(half);
          y[a] = float(x[a] * std::cos(angle) - x[b] * std::sin(angle));
          y[b] = float(x[b] * std::cos(angle) + x[a] * std::sin(angle));
        }
      }
    }
  }

  void pointwise_case(const char* op, Tensor (*front)(Graph&, Tensor, Tensor), double (*formula)(double, double)) {
    const int64_t rows = 3, columns = 173;
    DoctorCase& c = add(op);
    const Floats a = c.data.floats["a"] = noise(rows * columns, 21), b = c.data.floats["b"] = noise(rows * columns, 22);
    const Tensor ta = c.graph.input("a", DType::f32, {rows, columns}),
                 tb = c.graph.input("b", DType::f32, {rows, columns});
    c.graph.keep(front(c.graph, ta, tb), "y");
    for (size_t i = 0; i < a.size(); ++i) c.floats["y"].push_back(float(formula(a[i], b[i])));
  }

 private:
  DoctorCase& add(std::string name) { return add_case(cases_, std::move(name)); }

  static Tensor add_control(DoctorCase& c, const std::vector<shader::Row>& rows, uint32_t slots, uint32_t blocks,
                            bool greedy = false) {
    ControlTables tables(uint32_t(rows.size()), slots, blocks);
    std::vector<uint32_t> wanted, identity;
    for (uint32_t i = 0; i < rows.size(); ++i) wanted.push_back(i);
    tables.set_rows(rows, wanted, uint32_t(rows.size()));
    for (uint32_t slot = 0; slot < slots; ++slot) {
      identity.clear();
      for (uint32_t block = 0; block < blocks; ++block) identity.push_back(slot * blocks + block);
      tables.set_blocks(slot, identity);
      if (greedy) tables.set_slot(slot, {.maximum = 8, .greedy = 1});
    }
    c.data.words["control"] = tables.table();
    return c.graph.state("control", DType::u32, {int64_t(tables.words())});
  }

  static Floats cache(DoctorCase& c, const char* name, DType kv, int64_t count, uint64_t seed) {
    Floats values = noise(count, seed);
    if (kv == DType::f32) return c.data.floats[name] = values;
    std::vector<std::byte>& bytes = c.data.bytes[name];
    for (float& value : values) {
      const uint16_t half = f32_to_f16(value);
      value = f16_to_f32(half);
      const auto* raw = reinterpret_cast<const std::byte*>(&half);
      bytes.insert(bytes.end(), raw, raw + sizeof half);
    }
    return values;
  }

  static void attend(const float* q, const Floats& k, const Floats& v, int64_t head, int64_t columns,
                     int64_t first_place, int64_t position, int64_t dim, double scale, Floats& out) {
    std::vector<double> scores;
    double highest = -INFINITY, sum = 0;
    for (int64_t p = 0; p <= position; ++p) {
      double score = 0;
      for (int64_t d = 0; d < dim; ++d) score += double(q[d]) * k[size_t((first_place + p) * columns + head + d)];
      scores.push_back(score * scale);
      highest = std::max(highest, scores.back());
    }
    for (double& score : scores) sum += score = std::exp(score - highest);
    for (int64_t d = 0; d < dim; ++d) {
      double mixed = 0;
      for (int64_t p = 0; p <= position; ++p)
        mixed += scores[size_t(p)] * v[size_t((first_place + p) * columns + head + d)];
      out.push_back(float(mixed / sum));
    }
  }

  std::vector<DoctorCase>& cases_;
};

}  // namespace

std::vector<DoctorCase> doctor_cases(const DeviceProfile&) {
  std::vector<DoctorCase> all;
  Cases cases(all);
  for (DType type : kWeightTypes)
    for (int64_t rows : {1, 5, 33}) cases.matmul_case(type, rows, 100, odd_columns(type));
  for (int64_t rows : {1, 5, 33}) {
    cases.fused_case(rows, false);
    cases.fused_case(rows, true);
  }
  // Some drivers end long loops silently (65,535 turns): rows and vocabularies that would show it.
  cases.matmul_case(DType::f32, 1, 8, 300'000);
  cases.norm_case(1, 576);
  cases.norm_case(7, 173);
  cases.norm_case(1, 300'000);
  cases.log_prob_case(262'144);
  cases.greedy_case(262'144);
  for (DType kv : {DType::f32, DType::f16}) {
    cases.attention_case(kv, {300});
    cases.attention_case(kv, {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17,
                              18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34});
  }
  cases.attention_case(DType::f32, {4500});
  for (DType type : kWeightTypes) cases.embed_case(type);
  cases.rope_case();
  cases.pointwise_case("add", add, [](double a, double b) { return a + b; });
  cases.pointwise_case("mul", mul, [](double a, double b) { return a * b; });
  cases.pointwise_case("silu_mul", silu_mul, [](double a, double b) { return silu(a) * b; });
  add_expert_cases(all);
  add_learning_cases(all);
  add_expert_learning_cases(all);
  return all;
}

}  // namespace lorikeet
