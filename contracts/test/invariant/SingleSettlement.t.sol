// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {OracleInvariantBase} from "./OracleInvariantBase.sol";

contract SingleSettlementInvariant is OracleInvariantBase {
    /// A request is answered or refunded at most once, never both, and its escrow lasts exactly as long as it is open.
    function invariant_singleSettlement() public view {
        uint256 openEth = 0;
        uint256 openTokens = 0;
        for (uint256 i = 0; i < handler.count(); ++i) {
            bytes32 id = handler.ids(i);
            assertLe(handler.settlements(id), 1);
            IDodonaOracle.Request memory stored = subject.requestOf(id);
            if (stored.status == IDodonaOracle.Status.Open) {
                if (stored.feeToken == address(0)) openEth += stored.fee;
                else openTokens += stored.fee;
            }
            // Neither a fulfilment after a refund nor the reverse.
            assertEq(stored.status == IDodonaOracle.Status.Fulfilled, handler.wasFulfilled(id));
            assertEq(stored.status == IDodonaOracle.Status.Refunded, handler.wasRefunded(id));
            assertFalse(handler.wasFulfilled(id) && handler.wasRefunded(id));
        }
        assertEq(openEth, subject.totalEscrow(address(0)));
        assertEq(openTokens, subject.totalEscrow(address(handler.token())));
    }

    function test_reached() public {
        _reachAll();
        assertEq(handler.reached("answer"), 2);
        assertEq(handler.reached("refund"), 2);
        invariant_singleSettlement();
    }
}
