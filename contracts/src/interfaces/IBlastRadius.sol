// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaRiskOracle} from "./IRiskOracle.sol";

/// @title IPositions
/// @notice A protocol's positions in one market, page by page.
interface IPositions {
    /// @notice One account's loan; both values in one unit (of debt, of account) at present prices.
    struct Position {
        address account;
        uint256 collateralValue;
        uint256 debtValue;
    }

    /// @notice Number of positions in `market`.
    function positionCount(address market) external view returns (uint256);

    /// @notice Positions `from` to `from + count` (fewer at the end), in an order that does not change within a block.
    function positions(address market, uint256 from, uint256 count) external view returns (Position[] memory);
}

/// @title IBlastRadius
/// @notice How many loans, and how much, an update of a liquidation threshold would open to liquidation. Advisory: a view for
/// guardians and dashboards that keeps nothing and stops nothing.
/// @dev A position can be liquidated if debt × 10,000 > collateral × threshold (exact). Prices are the adapter's present ones.
/// WARNING: the adapter is believed. Add up the pages of one block, or positions may be seen twice or not at all.
interface IBlastRadius {
    /// @notice What one page says.
    /// @param scanned positions looked at.
    /// @param atRisk of them, those that can be liquidated after the update and cannot before.
    /// @param debt their debt.
    /// @param collateral their collateral.
    /// @param already positions that can be liquidated before the update.
    /// @param saved of those, the ones that cannot be after it.
    struct Impact {
        uint256 scanned;
        uint256 atRisk;
        uint256 debt;
        uint256 collateral;
        uint256 already;
        uint256 saved;
    }

    error BadIndex(uint256 count, uint256 got);
    error NoVector();

    /// @notice The impact of going from the vector `present` to `next` on one page of positions.
    /// @param thresholdIndex which field is the liquidation threshold, basis points.
    /// @param from first position of the page.
    /// @param count positions of the page.
    /// @return impact what the page says.
    /// @return next_ first position of the next page; 0 when there is none.
    function preview(
        address market,
        uint256[] calldata present,
        uint256[] calldata next,
        uint256 thresholdIndex,
        IPositions positions,
        uint256 from,
        uint256 count
    ) external view returns (Impact memory impact, uint256 next_);

    /// @notice The same for what the risk oracle holds for its guardian, against its last good value (its seed before the
    /// first). Reverts with `NoVector` if nothing is held, or there is nothing to compare it with.
    function previewHeld(
        IDodonaRiskOracle riskOracle,
        address market,
        string calldata updateType,
        uint256 thresholdIndex,
        IPositions positions,
        uint256 from,
        uint256 count
    ) external view returns (Impact memory impact, uint256 next_);
}
