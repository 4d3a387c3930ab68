// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {RiskInjector} from "../src/adapters/RiskInjector.sol";
import {ScalarFeed} from "../src/adapters/ScalarFeed.sol";
import {IDodonaOracle} from "../src/interfaces/IDodonaOracle.sol";
import {IDodonaSubscriptions} from "../src/interfaces/IDodonaSubscriptions.sol";
import {BlastRadius} from "../src/risk/BlastRadius.sol";
import {ShadowRisk} from "../src/risk/ShadowRisk.sol";
import {RiskBase} from "./RiskBase.sol";
import {MockPool, PoolTarget} from "./mocks/Pool.sol";
import {MockSubscriptions} from "./mocks/Subscriptions.sol";

/// @notice Gas of the risk contracts, kept in `snapshots/Risk.json`: the callback of a release (without the proof's check and
/// the oracle's part), with all accounts cold.
contract RiskGasTest is RiskBase {
    function _cold(uint256[] memory bps, string memory name) internal returns (uint256 gas_) {
        bytes32 id = _askRisk(DIRECT);
        IDodonaOracle.Answer memory answer = _answerOf(bps, uint64(block.timestamp));
        vm.cool(address(risk));
        vm.cool(address(envelope));
        vm.prank(address(oracle));
        risk.onDodonaAnswer(id, answer);
        gas_ = vm.snapshotGasLastCall("Risk", name);
    }

    /// All three fields change, on a day that has no bucket yet: what a release costs from the second on.
    function test_release() public {
        _cold(_vector(6_400, 7_100, 510), "release, the first of a market");
        vm.warp(START + 1 days);
        uint256 gas_ = _cold(_vector(6_500, 7_200, 500), "release of a three-value vector");
        assertLe(gas_, 220_000);
        vm.warp(block.timestamp + MIN_DELAY);
        _cold(_vector(6_400, 7_100, 510), "release, the second of a day");
        vm.warp(block.timestamp + 30 days);
        _cold(_vector(6_500, 7_200, 500), "release after 30 days of silence");
        assertEq(risk.updateCounter(), 4);
    }

    function test_holdApproveInject() public {
        MockPool pool = new MockPool();
        PoolTarget target = new PoolTarget(pool);
        RiskInjector injector = new RiskInjector(owner, riskGuardian, risk, target, TYPE, 1 days);
        target.setInjector(address(injector));
        pool.setRiskAdmin(address(target));
        pool.overrule(asset, 6_500, 7_200, 10_500);
        vm.prank(owner);
        injector.allowMarket(asset, true);
        _release([int64(6_400), 7_100, 500]);
        injector.inject(asset);
        vm.warp(START + 1 days);
        bytes32 id = _askRisk(DIRECT);
        vm.cool(address(risk));
        vm.cool(address(envelope));
        _answer(id, DIRECT, [int64(6_000), 7_050, 500], true, true);
        vm.cool(address(risk));
        vm.cool(address(envelope));
        vm.prank(riskGuardian);
        risk.approve(asset, TYPE, id);
        vm.snapshotGasLastCall("Risk", "approval of a held vector");
        vm.cool(address(injector));
        vm.cool(address(risk));
        vm.cool(address(envelope));
        vm.cool(address(oracle));
        vm.cool(address(pool));
        injector.inject(asset);
        vm.snapshotGasLastCall("Risk", "injection of a three-value vector");
    }

    function test_scalarFeedRead() public {
        MockSubscriptions subscriptions = new MockSubscriptions();
        ScalarFeed scalar = new ScalarFeed(IDodonaSubscriptions(address(subscriptions)), "id", 4, "");
        subscriptions.push("id", 1, uint64(block.timestamp), true);
        vm.cool(address(scalar));
        vm.cool(address(subscriptions));
        scalar.latestRoundData();
        uint256 gas_ = vm.snapshotGasLastCall("Risk", "scalar feed read (a mock's two slots)");
        assertLe(gas_, 8_000);
    }

    /// No contract here comes near the limit on code (EIP-170).
    function test_codeSizes() public {
        BlastRadius blast = new BlastRadius();
        ShadowRisk shadow = new ShadowRisk(owner, oracle);
        address[4] memory all = [address(risk), address(envelope), address(blast), address(shadow)];
        for (uint256 i = 0; i < all.length; ++i) {
            assertGt(all[i].code.length, 0);
            assertLt(all[i].code.length, 24_576);
        }
    }
}
