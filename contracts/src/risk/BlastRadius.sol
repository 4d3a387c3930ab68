// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBlastRadius, IPositions} from "../interfaces/IBlastRadius.sol";
import {IDodonaRiskOracle} from "../interfaces/IRiskOracle.sol";

/// @title BlastRadius
/// @notice See IBlastRadius. No state, no owner.
contract BlastRadius is IBlastRadius {
    uint256 private constant ONE = 10_000;

    /// @dev One page, wherever the vectors came from.
    struct Page {
        address market;
        IPositions positions;
        uint256 from;
        uint256 count;
    }

    /// @inheritdoc IBlastRadius
    function preview(
        address market,
        uint256[] calldata present,
        uint256[] calldata next,
        uint256 thresholdIndex,
        IPositions positions,
        uint256 from,
        uint256 count
    ) external view returns (Impact memory impact, uint256 next_) {
        return _preview(Page(market, positions, from, count), present, next, thresholdIndex);
    }

    /// @inheritdoc IBlastRadius
    function previewHeld(
        IDodonaRiskOracle riskOracle,
        address market,
        string calldata updateType,
        uint256 thresholdIndex,
        IPositions positions,
        uint256 from,
        uint256 count
    ) external view returns (Impact memory impact, uint256 next_) {
        (uint256[] memory present, uint256[] memory next) = _held(riskOracle, market, updateType);
        return _preview(Page(market, positions, from, count), present, next, thresholdIndex);
    }

    function _held(IDodonaRiskOracle riskOracle, address market, string calldata updateType)
        private
        view
        returns (uint256[] memory present, uint256[] memory next)
    {
        uint256 updateId;
        (present, updateId,,) = riskOracle.lastGood(market, updateType);
        if (updateId == 0) present = riskOracle.sourceOf(market, updateType).seed;
        next = riskOracle.heldOf(market, updateType).values;
        if (next.length == 0 || present.length == 0) revert NoVector();
    }

    function _preview(Page memory page, uint256[] memory present, uint256[] memory next, uint256 index)
        private
        view
        returns (Impact memory impact, uint256 next_)
    {
        if (index >= present.length) revert BadIndex(present.length, index);
        if (index >= next.length) revert BadIndex(next.length, index);
        IPositions.Position[] memory list = page.positions.positions(page.market, page.from, page.count);
        for (uint256 i = 0; i < list.length; ++i) {
            _judge(impact, list[i], present[index], next[index]);
        }
        impact.scanned = list.length;
        next_ = page.from + list.length;
        if (list.length == 0 || next_ >= page.positions.positionCount(page.market)) next_ = 0;
    }

    function _judge(Impact memory impact, IPositions.Position memory position, uint256 present, uint256 next)
        private
        pure
    {
        bool before = position.debtValue * ONE > position.collateralValue * present;
        bool afterwards = position.debtValue * ONE > position.collateralValue * next;
        if (before) {
            ++impact.already;
            if (!afterwards) ++impact.saved;
        } else if (afterwards) {
            ++impact.atRisk;
            impact.debt += position.debtValue;
            impact.collateral += position.collateralValue;
        }
    }
}
