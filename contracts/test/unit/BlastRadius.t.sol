// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBlastRadius, IPositions} from "../../src/interfaces/IBlastRadius.sol";
import {BlastRadius} from "../../src/risk/BlastRadius.sol";
import {RiskBase} from "../RiskBase.sol";
import {MockPositions} from "../mocks/Positions.sol";

contract BlastRadiusTest is RiskBase {
    uint256 internal constant LT = 1;

    BlastRadius internal blast;
    MockPositions internal positions;

    function setUp() public override {
        super.setUp();
        blast = new BlastRadius();
        positions = new MockPositions();
    }

    function _preview(uint256 present, uint256 next, uint256 from, uint256 count)
        internal
        view
        returns (IBlastRadius.Impact memory impact, uint256 next_)
    {
        return blast.preview(asset, _vector(0, present, 0), _vector(0, next, 0), LT, positions, from, count);
    }

    /// A debt of exactly the threshold is healthy; one more is not, now or then.
    function testFuzz_countsExactly(uint64 collateral, uint16 present, uint16 next, uint8 off) public {
        // A multiple of 10,000, so that the edge is a whole number and equality is met.
        collateral = uint64(bound(collateral, 1, 1e14)) * 10_000;
        present = uint16(bound(present, 6_000, 9_000));
        next = uint16(bound(next, 6_000, 9_000));
        uint256 edge = uint256(collateral) * (off % 2 == 0 ? present : next) / 10_000;
        uint256 debt = edge + off % 4;
        positions.push(collateral, debt);
        (IBlastRadius.Impact memory impact,) = _preview(present, next, 0, 10);
        bool before = debt * 10_000 > uint256(collateral) * present;
        bool afterwards = debt * 10_000 > uint256(collateral) * next;
        assertEq(impact.scanned, 1);
        assertEq(impact.already, before ? 1 : 0);
        assertEq(impact.saved, before && !afterwards ? 1 : 0);
        assertEq(impact.atRisk, !before && afterwards ? 1 : 0);
        assertEq(impact.debt, !before && afterwards ? debt : 0);
        assertEq(impact.collateral, !before && afterwards ? collateral : 0);
    }

    /// Pages of any size add up to the whole.
    function testFuzz_pagesAddUp(uint256 seed, uint8 size) public {
        size = uint8(bound(size, 1, 30));
        for (uint256 i = 0; i < 25; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            positions.push(1_000, 600 + seed % 300);
        }
        (IBlastRadius.Impact memory whole, uint256 end) = _preview(8_000, 7_200, 0, 100);
        assertEq(end, 0);
        IBlastRadius.Impact memory sum;
        uint256 from = 0;
        do {
            IBlastRadius.Impact memory page;
            (page, from) = _preview(8_000, 7_200, from, size);
            sum.scanned += page.scanned;
            sum.atRisk += page.atRisk;
            sum.debt += page.debt;
            sum.collateral += page.collateral;
            sum.already += page.already;
            sum.saved += page.saved;
        } while (from != 0);
        assertEq(abi.encode(sum), abi.encode(whole));
        assertEq(whole.scanned, 25);
    }

    function test_tellsWhatAHeldUpdateWouldDo() public {
        positions.push(1_000, 680);
        positions.push(1_000, 720);
        positions.push(1_000, 721);
        _deliver(_vector(6_500, 6_750, 500));
        (IBlastRadius.Impact memory impact, uint256 next_) = blast.previewHeld(risk, asset, TYPE, LT, positions, 0, 10);
        assertEq(abi.encode(impact), abi.encode(IBlastRadius.Impact(3, 2, 1_400, 2_000, 1, 0)));
        assertEq(next_, 0);
    }

    function test_comparesAHeldUpdateWithTheLastGoodValue() public {
        _deliver(_vector(6_500, 7_000, 500));
        vm.warp(START + MIN_DELAY);
        _deliver(_vector(6_500, 6_550, 500));
        positions.push(1_000, 680);
        positions.push(1_000, 710);
        (IBlastRadius.Impact memory impact,) = blast.previewHeld(risk, asset, TYPE, LT, positions, 0, 10);
        assertEq(abi.encode(impact), abi.encode(IBlastRadius.Impact(2, 1, 680, 1_000, 1, 0)));
    }

    function test_hasNothingToTellIfNothingIsHeld() public {
        vm.expectRevert(IBlastRadius.NoVector.selector);
        blast.previewHeld(risk, asset, TYPE, LT, positions, 0, 10);
    }

    function testFuzz_refusesBadIndices(uint256 index) public {
        index = bound(index, 3, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IBlastRadius.BadIndex.selector, 3, index));
        blast.preview(asset, _vector(1, 1, 1), _vector(1, 1, 1), index, positions, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(IBlastRadius.BadIndex.selector, 1, LT));
        blast.preview(asset, _vector(1, 1, 1), new uint256[](1), LT, positions, 0, 1);
    }
}
