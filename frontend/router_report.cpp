#include "frontend/router_report.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace lorikeet {
namespace {

constexpr int kBarWidth = 40;

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

std::string bar(double value) {
  std::string text;
  for (int i = 0; i < int(std::clamp(value, 0.0, 1.0) * kBarWidth + 0.5); ++i) text += "█";
  return text;
}

// One character a value, the largest as high as a line.
std::string columns(const std::vector<double>& values) {
  static constexpr const char* kHeights[] = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const double largest = values.empty() ? 0 : *std::max_element(values.begin(), values.end());
  std::string text;
  for (double value : values) {
    const int height = largest > 0 && value > 0 ? 1 + int(value / largest * 7 + 0.5) : 0;
    text += kHeights[std::clamp(height, 0, 8)];
  }
  return text;
}

// Rows with 1, 2, ... experts; every policy chooses at least one.
std::vector<double> histogram(const RouterSums& sums) {
  std::vector<double> shares;
  for (size_t count = 1; count < sums.active.size(); ++count)
    shares.push_back(sums.rows ? double(sums.active[count]) / double(sums.rows) : 0);
  return shares;
}

std::vector<double> weight_shares(const RouterSums& sums) {
  std::vector<double> shares;
  for (size_t e = 0; e < sums.experts(); ++e) shares.push_back(sums.share_of_weights(e));
  return shares;
}

std::vector<double> row_shares(const RouterSums& sums) {
  std::vector<double> shares;
  for (size_t e = 0; e < sums.experts(); ++e) shares.push_back(sums.share_of_rows(e));
  return shares;
}

std::string all_text(const RouterSums& all) {
  std::string text = format("all routers: entropy %.3f, %.2f of %zu experts a row\n", all.mean_entropy(),
                            all.mean_active(), all.experts());
  text += "  experts at once, share of the rows\n";
  const std::vector<double> counts = histogram(all);
  for (size_t i = 0; i < counts.size(); ++i)
    text += format("  %5zu %6.2f %% ", i + 1, 100 * counts[i]) + bar(counts[i]) + "\n";
  text += "  expert, share of the weights (of the rows)\n";
  for (size_t e = 0; e < all.experts(); ++e)
    text += format("  %5zu %6.2f %% ", e, 100 * all.share_of_weights(e)) + bar(all.share_of_weights(e)) +
            format(" (%.2f %%)\n", 100 * all.share_of_rows(e));
  return text;
}

std::string padded(std::string text, size_t characters, size_t width) {
  return text + std::string(width > characters ? width - characters : 0, ' ');
}

nlohmann::ordered_json sums_json(const RouterSums& sums) {
  return {{"entropy", sums.mean_entropy()},
          {"active", sums.mean_active()},
          {"active_histogram", sums.active},
          {"share_of_weights", weight_shares(sums)},
          {"share_of_rows", row_shares(sums)}};
}

}  // namespace

std::string router_table(const RouterStatistics& statistics) {
  const RouterSums all = statistics.all();
  size_t name = 10;
  for (const RouterSums& router : statistics.routers()) name = std::max(name, router.module.size());
  const size_t wide = std::max<size_t>(all.experts(), 7) + 2;
  std::string text = all_text(all);
  text += "layer  " + padded("projection", 10, name) + "  entropy  active  " + padded("at once", 7, wide) +
          padded("weights", 7, wide) + "rows\n";
  for (const RouterSums& router : statistics.routers()) {
    text += format("%5u  ", router.layer) + padded(router.module, router.module.size(), name) +
            format("  %7.3f  %6.2f  ", router.mean_entropy(), router.mean_active());
    text += padded(columns(histogram(router)), router.experts(), wide);
    text += padded(columns(weight_shares(router)), router.experts(), wide);
    text += columns(row_shares(router)) + "\n";
  }
  return text;
}

nlohmann::ordered_json router_json(const RouterStatistics& statistics) {
  nlohmann::ordered_json routers = nlohmann::ordered_json::array();
  for (const RouterSums& router : statistics.routers()) {
    nlohmann::ordered_json one = {{"layer", router.layer}, {"projection", router.module}};
    one.update(sums_json(router));
    routers.push_back(std::move(one));
  }
  const uint64_t rows = statistics.routers().empty() ? 0 : statistics.routers().front().rows;
  return {{"rows", rows}, {"all", sums_json(statistics.all())}, {"routers", std::move(routers)}};
}

// Entropy as a bar, the numbers of experts as a bar in parts (the darker the more), the experts' shares of the weights
// as cells.
std::string router_svg(const RouterStatistics& statistics) {
  constexpr int kLine = 18, kLeft = 180, kEntropy = 120, kCounts = 160, kCell = 22, kGap = 16, kTop = 40;
  const int experts = int(statistics.all().experts());
  const int counts_at = kLeft + kEntropy + kGap + 40, cells_at = counts_at + kCounts + kGap + 40;
  const auto rect = [](double x, int y, double width, const char* colour, double opacity) {
    return format("<rect x='%.1f' y='%d' width='%.1f' height='14' fill='%s' fill-opacity='%.3f'/>", x, y, width, colour,
                  opacity);
  };
  std::string rows;
  int y = kTop;
  const auto line = [&](const RouterSums& sums, const std::string& label) {
    const double entropy = std::clamp(sums.mean_entropy(), 0.0, 1.0);
    rows += format("<text x='%d' y='%d' text-anchor='end'>", kLeft - 8, y + 11) + label + "</text>";
    rows += rect(kLeft, y, entropy * kEntropy, "#27a", 1);
    rows += format("<text x='%.1f' y='%d'>%.3f</text>", kLeft + entropy * kEntropy + 4, y + 11, sums.mean_entropy());
    double x = counts_at;
    const std::vector<double> counts = histogram(sums);
    for (size_t i = 0; i < counts.size(); x += counts[i] * kCounts, ++i)
      if (counts[i] > 0) rows += rect(x, y, counts[i] * kCounts, "#a52", double(i + 1) / double(counts.size()));
    rows += format("<text x='%d' y='%d'>%.2f</text>", counts_at + kCounts + 4, y + 11, sums.mean_active());
    const std::vector<double> shares = weight_shares(sums);
    const double largest = shares.empty() ? 0 : *std::max_element(shares.begin(), shares.end());
    for (size_t e = 0; e < shares.size(); ++e)
      rows += rect(cells_at + double(e) * kCell, y, kCell - 2, "#2a7", largest > 0 ? shares[e] / largest : 0);
    rows += "\n";
    y += kLine;
  };
  line(statistics.all(), "all routers");
  for (const RouterSums& router : statistics.routers()) line(router, format("%u ", router.layer) + router.module);
  const auto title = [&](int x, const char* text) { return format("<text x='%d' y='28'>%s</text>", x, text); };
  return format(
             "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' font-family='sans-serif' "
             "font-size='12'>\n",
             cells_at + experts * kCell + 60, y + 10) +
         title(kLeft, "entropy") + title(counts_at, "experts at once (darker: more)") +
         title(cells_at, "share of the weights by expert") + "\n" + rows + "</svg>\n";
}

}  // namespace lorikeet
