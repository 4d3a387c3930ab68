// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {IOperatorStaking} from "../../src/interfaces/IOperatorStaking.sol";
import {OracleInvariantBase} from "./OracleInvariantBase.sol";

contract ObligationsInvariant is OracleInvariantBase {
    /// What operators promised is reserved to the wei, and never more than their stake.
    function invariant_obligationsWithinStake() public view {
        uint256[2] memory promised;
        for (uint256 i = 0; i < handler.count(); ++i) {
            try subject.acceptanceOf(handler.ids(i)) returns (IDodonaOracle.Promise memory made) {
                promised[made.operator == handler.operators(0) ? 0 : 1] += made.penalty;
            } catch {}
        }
        for (uint256 i = 0; i < 2; ++i) {
            address operator = handler.operators(i);
            IOperatorStaking.Account memory account = staking.accountOf(operator);
            assertLe(account.reserved, account.staked);
            assertEq(account.reserved, promised[i]);
            assertEq(account.reserved, staking.reservedBy(operator, address(subject)));
        }
    }

    function test_reached() public {
        _reachAll();
        assertEq(handler.reached("accept"), 3);
        assertEq(handler.reached("kept"), 1);
        assertEq(handler.reached("missed"), 1);
        assertEq(handler.reached("freeze"), 1);
        invariant_obligationsWithinStake();
    }
}
