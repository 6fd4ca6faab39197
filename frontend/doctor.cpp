#include "frontend/doctor.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "frontend/measure.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr int kRuns = 3;

struct Verdict {
  double error = 0;
  std::string fault;
};

Verdict compare(const DoctorCase& item, const RigOutcome& got, double tolerance) {
  Verdict verdict;
  for (const auto& [name, expected] : item.floats) {
    const auto found = got.floats.find(name);
    if (found == got.floats.end() || found->second.size() < expected.size())
      return {INFINITY, join(item.name, ": no result ", name)};
    const double error = nmse(found->second, expected);
    verdict.error = std::max(verdict.error, std::isnan(error) ? INFINITY : error);
  }
  if (!(verdict.error <= tolerance))
    verdict.fault = join(item.name, ": error ", verdict.error, ", allowed ", tolerance);
  for (const auto& [name, expected] : item.words) {
    const auto found = got.words.find(name);
    if (found == got.words.end() || !std::equal(expected.begin(), expected.end(), found->second.begin()))
      verdict.fault = join(item.name, ": ", name, " is wrong");
  }
  return verdict;
}

bool same_bits(const RigOutcome& a, const RigOutcome& b) {
  const auto equal = [](const auto& x, const auto& y) {
    for (const auto& [name, values] : x) {
      const auto& other = y.at(name);
      if (std::memcmp(values.data(), other.data(), values.size() * 4) != 0) return false;
    }
    return true;
  };
  return equal(a.floats, b.floats) && equal(a.words, b.words);
}

// One choice on one case: right, and the same each time. A rig of its own each time, since states advance.
Result<Verdict> try_choice(Device& device, KernelLibrary& kernels, const DoctorCase& item, const Choice& choice) {
  Verdict verdict;
  RigOutcome first;
  for (int run = 0; run < kRuns; ++run) {
    auto rig = Rig::create(device, kernels, item.graph, item.data, {.choice = choice.name});
    Status status = rig ? rig->run() : Status(rig.error());
    if (!status && status.error().code == ErrorCode::device_lost) return status.error();
    if (!status) return Verdict{INFINITY, join(item.name, ": ", status.error().message)};
    LK_ASSIGN(RigOutcome outcome, rig->read());
    if (run == 0) {
      verdict = compare(item, outcome, std::max(item.tolerance, choice.tolerance));
      first = std::move(outcome);
    } else if (verdict.fault.empty() && !same_bits(first, outcome)) {
      verdict.fault = join(item.name, ": another result when run again");
    }
  }
  return verdict;
}

}  // namespace

Result<DoctorReport> examine(Device& device, KernelLibrary& kernels, ChoiceTable& table,
                             const std::vector<DoctorCase>& cases, const Progress& progress) {
  const auto start = std::chrono::steady_clock::now();
  DoctorReport report;
  table.release_all();
  for (size_t i = 0; i < cases.size(); ++i) {
    const DoctorCase& item = cases[i];
    if (progress) progress(i, cases.size());
    if (item.graph.error())
      return Error{ErrorCode::internal, join("[doctor] ", item.name, ": ", item.graph.error()->message), {}};
    const Node& node = item.graph.nodes().back();
    const std::string family = ChoiceTable::family(item.graph, node);
    Choices choices;
    node.op->lower(item.graph, node, device.profile(), choices);
    for (const Choice& choice : choices) {
      auto finding = std::find_if(report.findings.begin(), report.findings.end(), [&](const DoctorFinding& f) {
        return f.family == family && f.choice == choice.name;
      });
      if (finding == report.findings.end()) {
        report.findings.push_back({family, choice.name});
        finding = report.findings.end() - 1;
      }
      finding->plain = finding->plain || &choice == &choices.back();
      ++finding->cases;
      if (!finding->fault.empty()) continue;
      LK_ASSIGN(const Verdict verdict, try_choice(device, kernels, item, choice));
      finding->worst_error = std::max(finding->worst_error, verdict.error);
      finding->fault = verdict.fault;
      if (verdict.fault.empty()) continue;
      table.quarantine(family, choice.name, verdict.fault);
      report.refused = report.refused || &choice == &choices.back();
    }
  }
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace lorikeet
