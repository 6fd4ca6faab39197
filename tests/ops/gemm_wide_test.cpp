// Products of plain matrices whose rows are whole vectors of four: every choice against the formula.
#include "tests/ops/op_test.h"

namespace lorikeet::test {

TEST_CASE("gemm of rows of whole vectors by every choice", "[ops][gradient]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "gemm");
  for (const auto& sizes :
       {std::array<int64_t, 3>{2, 64, 4}, {16, 128, 12}, {20, 96, 12}, {36, 64, 8}, {52, 260, 20}}) {
    const int64_t m = sizes[0], n = sizes[1], k = sizes[2];
    for (const int form : {0, 1, 2}) {
      const bool ta = form == 1, tb = form == 2;
      const auto a = random_floats(size_t(m * k), 1), b = random_floats(size_t(n * k), 2),
                 c = random_floats(size_t(m * n), 3);
      for (const bool added : {false, true}) {
        std::vector<float> expected(size_t(m * n));
        for (int64_t i = 0; i < m; ++i)
          for (int64_t j = 0; j < n; ++j) {
            double sum = added ? c[size_t(i * n + j)] : 0;
            for (int64_t l = 0; l < k; ++l)
              sum += double(a[size_t(ta ? l * m + i : i * k + l)]) * b[size_t(tb ? j * k + l : l * n + j)];
            expected[size_t(i * n + j)] = float(sum);
          }
        Graph g;
        g.keep(gemm(g, {.a = g.input("a", DType::f32, ta ? Shape{k, m} : Shape{m, k}),
                        .b = g.input("b", DType::f32, tb ? Shape{n, k} : Shape{k, n}),
                        .addend = added ? g.input("c", DType::f32, {m, n}) : Tensor{},
                        .transpose_a = ta,
                        .transpose_b = tb}),
               "y");
        INFO(m << " x " << n << " x " << k << ", form " << form);
        Data data{.floats = {{"a", a}, {"b", b}}};
        if (added) data.floats["c"] = c;
        check_choices(*device, g, data, expected, 1e-10);
      }
    }
  }
}

}  // namespace lorikeet::test
