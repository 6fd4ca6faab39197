// How far each expert alone is from its share of the total, against formulas in double precision.
#include "runtime/plan/rig.h"
#include "tests/ops/op_test.h"

using namespace lorikeet;
using namespace lorikeet::test;

TEST_CASE("errors of experts against their share of the total", "[ops][experts]") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, "experts");
  struct Case {
    int64_t rows, experts, columns;
    double share;
  };
  for (const Case& c : {Case{1, 1, 1, 1}, Case{3, 4, 70, 0.5}, Case{9, 8, 64, 0.25}, Case{2, 130, 5, 0.1}}) {
    INFO(c.rows << " rows, " << c.experts << " experts, " << c.columns << " columns");
    const auto outputs = random_floats(size_t(c.rows * c.experts * c.columns), 1);
    const auto total = random_floats(size_t(c.rows * c.columns), 2);
    std::vector<float> errors, closeness;
    for (int64_t r = 0; r < c.rows; ++r) {
      double sum = 0;
      for (int64_t e = 0; e < c.experts; ++e) {
        double error = 0;
        for (int64_t i = 0; i < c.columns; ++i) {  // pairs are ordered by expert, then by row
          const double far = double(outputs[size_t((e * c.rows + r) * c.columns + i)]) -
                             c.share * double(total[size_t(r * c.columns + i)]);
          error += far * far / double(c.columns);
        }
        sum += error;
        errors.push_back(float(error));
      }
      for (int64_t e = 0; e < c.experts; ++e)
        closeness.push_back(float(-double(errors[size_t(r * c.experts + e)]) * double(c.experts) / sum));
    }
    const Data data{.floats = {{"weights", std::vector<float>(size_t(c.rows * c.experts), 1.0f)},
                               {"outputs", outputs},
                               {"total", total}}};
    for (const bool close : {false, true}) {
      Graph g;
      const Tensor weights = g.input("weights", DType::f32, {c.rows, c.experts});
      const ExpertErrors made = expert_errors(g, g.input("outputs", DType::f32, {c.rows * c.experts, c.columns}),
                                              g.input("total", DType::f32, {c.rows, c.columns}),
                                              sort_rows(g, weights, 1, c.experts), c.share);
      g.keep(close ? made.closeness : made.errors, "y");
      check_choices(*device, g, data, close ? closeness : errors, 1e-12);
    }
  }
  Graph g;
  const Tensor weights = g.input("weights", DType::f32, {3, 4});
  expert_errors(g, g.input("outputs", DType::f32, {6, 5}), g.input("total", DType::f32, {3, 5}),
                sort_rows(g, weights, 1, 2), 0.5);
  REQUIRE(g.error());
  CHECK(g.error()->message == "[expert_errors] each row must have all 4 experts and a routing of its own.");
}
