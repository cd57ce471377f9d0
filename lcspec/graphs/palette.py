"""Fill and stroke of each state; told apart by lightness as well as by hue."""

PALETTE = {
    "runs": ("#c8ecd0", "#1f7a3a"),
    "runs-again": ("#fbe3b0", "#9a6700"),
    "conditional": ("#d6e8fb", "#1f5fa8"),
    "reused": ("#f2f2f2", "#8a8a8a"),
    "not-needed": ("#ffffff", "#c4c4c4"),
    "left-out": ("#ffffff", "#8a8a8a"),
    "open": ("#eae0f7", "#6b3fa0"),
    "passes": ("#a9dfb8", "#14592a"),
    "does-not-pass": ("#f8cfcb", "#a1251b"),
}
