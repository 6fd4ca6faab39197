#include "frontend/doctor.h"

#include <filesystem>

#include "runtime/ops/ops.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"

using namespace lorikeet;

namespace {

// A doubled addition: the first choice runs the kernel of `mul`, which is wrong on purpose; the last is right.
// `healthy` in the attributes says whether the last one is.
const Op kSuspicious{"suspicious_add",
                     [](Inputs in, const Attributes&) -> Result<Shapes> {
                       return Shapes{{DType::f32, in[0].shape}};
                     },
                     [](const Graph& graph, const Node& node, const DeviceProfile& profile, Choices& choices) {
                       Graph scratch = graph;
                       const Tensor sum = add(scratch, node.inputs[0], node.inputs[1]),
                                    product = mul(scratch, node.inputs[0], node.inputs[1]);
                       const auto borrow = [&](const Tensor& of, const char* name) {
                         Choices borrowed;
                         for (const Node& other : scratch.nodes())
                           if (!other.outputs.empty() && other.outputs[0].id == of.id)
                             other.op->lower(scratch, other, profile, borrowed);
                         Choice choice = borrowed.back();
                         choice.name = name;
                         for (Dispatch& dispatch : choice.dispatches)
                           for (Operand& operand : dispatch.operands)
                             if (operand.index == of.id) operand.index = node.outputs[0].id;
                         choices.push_back(choice);
                       };
                       borrow(product, "fast_but_wrong");
                       borrow(node.attributes.integer("healthy") ? sum : product, "plain");
                     }};

DoctorCase suspicious_case(bool healthy) {
  DoctorCase c{.name = "suspicious_add"};
  c.data.floats["a"] = {1, 2, 3, 4};
  c.data.floats["b"] = {10, 20, 30, 40};
  c.floats["y"] = {11, 22, 33, 44};
  const Tensor a = c.graph.input("a", DType::f32, {1, 4}), b = c.graph.input("b", DType::f32, {1, 4});
  c.graph.keep(c.graph.apply(kSuspicious, {a, b}, {{"healthy", int64_t(healthy)}})[0], "y");
  return c;
}

}  // namespace

TEST_CASE("a wrong choice is quarantined and the next takes its place") {
  Device* device = test::test_device();
  if (!device) LK_SKIP(no_device, "doctor");
  const test::TemporaryFolder temporary;
  const std::string folder = temporary.path().string();
  ChoiceTable table = ChoiceTable::load(folder, device->profile());
  const std::vector<DoctorCase> cases = {suspicious_case(true)};
  const Node& node = cases[0].graph.nodes().back();
  Choices choices;
  node.op->lower(cases[0].graph, node, device->profile(), choices);
  CHECK(*table.pick(cases[0].graph, node, choices, false) == 0);

  KernelLibrary kernels;
  const auto report = examine(*device, kernels, table, cases);
  REQUIRE(report.ok());
  CHECK_FALSE(report->refused);
  REQUIRE(report->findings.size() == 2);
  CHECK(report->findings[0].fault.find("error") != std::string::npos);
  CHECK(report->findings[1].fault.empty());
  REQUIRE(table.save().ok());
  // It holds in the next run, which reads the table from disk.
  const ChoiceTable again = ChoiceTable::load(folder, device->profile());
  CHECK(*again.pick(cases[0].graph, node, choices, false) == 1);
}

TEST_CASE("a device whose plain choice is wrong is refused") {
  Device* device = test::test_device();
  if (!device) LK_SKIP(no_device, "doctor");
  KernelLibrary kernels;
  ChoiceTable table;
  const std::vector<DoctorCase> cases = {suspicious_case(false)};
  const auto report = examine(*device, kernels, table, cases);
  REQUIRE(report.ok());
  CHECK(report->refused);
  const Node& node = cases[0].graph.nodes().back();
  Choices choices;
  node.op->lower(cases[0].graph, node, device->profile(), choices);
  const auto picked = table.pick(cases[0].graph, node, choices, false);
  REQUIRE_FALSE(picked.ok());
  CHECK(picked.error().message.find("lorikeet doctor") != std::string::npos);
}

TEST_CASE("every choice of this device passes the doctor") {
  Device* device = test::test_device();
  if (!device) LK_SKIP(no_device, "doctor");
  KernelLibrary kernels;
  ChoiceTable table;
  const auto report = examine(*device, kernels, table, doctor_cases(device->profile()));
  REQUIRE(report.ok());
  for (const DoctorFinding& finding : report->findings) {
    INFO(finding.family << " " << finding.choice << ": " << finding.fault);
    CHECK(finding.fault.empty());
  }
  CHECK(report->findings.size() > 40);
}
