// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IPositions} from "../../src/interfaces/IBlastRadius.sol";

/// @notice Positions that a test writes.
contract MockPositions is IPositions {
    Position[] private _all;

    function push(uint256 collateral, uint256 debt) external {
        _all.push(Position(address(uint160(_all.length + 1)), collateral, debt));
    }

    function positionCount(address) external view returns (uint256) {
        return _all.length;
    }

    function positions(address, uint256 from, uint256 count) external view returns (Position[] memory page) {
        if (from >= _all.length) return page;
        uint256 rest = _all.length - from;
        page = new Position[](count < rest ? count : rest);
        for (uint256 i = 0; i < page.length; ++i) {
            page[i] = _all[from + i];
        }
    }
}
